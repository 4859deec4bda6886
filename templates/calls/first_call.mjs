const [key, secret] = ["APP_KEY", "APP_SECRET"];

const granted = await fetch("ISSUER_URL/authorization/token", {
  method: "POST",
  headers: { Authorization: `Basic ${btoa(`${key}:${secret}`)}` },
  body: new URLSearchParams({ grant_type: "client_credentials" }),
});
if (!granted.ok) throw new Error(await granted.text());
const { access_token: token } = await granted.json();

const answer = await fetch("API_URL", { headers: { Authorization: `Bearer ${token}` } });
console.log(answer.status, await answer.text());
