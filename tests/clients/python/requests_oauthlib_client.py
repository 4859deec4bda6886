"""requests-oauthlib: a token by client credentials, its refresh, and a call with it."""

import json
import os

from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

issuer, resource = os.environ["ISSUER"], os.environ["RESOURCE"]
endpoint = issuer + "/authorization/token"
key, secret = os.environ["APP_KEY"], os.environ["APP_SECRET"]
session = OAuth2Session(client=BackendApplicationClient(client_id=key))
first = session.fetch_token(endpoint, client_id=key, client_secret=secret)
second = session.refresh_token(
    endpoint, refresh_token=first["refresh_token"], auth=HTTPBasicAuth(key, secret))
print(json.dumps({
    "status": session.get(resource).status_code,
    "scope": " ".join(second["scope"]),
    "refreshed": second["access_token"] != first["access_token"],
}))
