"""Authlib: a token by client credentials, its refresh, and a call with it."""

import json
import os

from authlib.integrations.requests_client import OAuth2Session

issuer, resource = os.environ["ISSUER"], os.environ["RESOURCE"]
endpoint = issuer + "/authorization/token"
session = OAuth2Session(os.environ["APP_KEY"], os.environ["APP_SECRET"], scope="orders.read")
first = session.fetch_token(endpoint, grant_type="client_credentials")
second = session.refresh_token(endpoint, refresh_token=first["refresh_token"])
print(json.dumps({
    "status": session.get(resource).status_code,
    "scope": second["scope"],
    "refreshed": second["access_token"] != first["access_token"],
}))
