import base64
import json
import urllib.parse
import urllib.request

key, secret = "APP_KEY", "APP_SECRET"

basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
request = urllib.request.Request(
    "ISSUER_URL/authorization/token",
    data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode(),
    headers={"Authorization": f"Basic {basic}"},
)
with urllib.request.urlopen(request) as answer:
    token = json.load(answer)["access_token"]

request = urllib.request.Request("API_URL", headers={"Authorization": f"Bearer {token}"})
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode())
