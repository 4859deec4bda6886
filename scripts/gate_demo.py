"""What the demos of control planes share: a gate with a key and a token, an upstream that shows what it was told, and
requests whose answers are compared with those that were expected."""

import contextlib
import http.client
import http.server
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 60.0

failures = []


def installed(script, *arguments):
    """What a script that installs something prints: the paths of it."""
    command = [CHECKOUT / "scripts" / script, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers everything with what it was told of the caller."""

    def do_GET(self):
        told = {name.lower(): value for name, value in self.headers.items() if "auth" in name.lower()}
        told.pop("authorization", None)
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *_):
        pass


def start_upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class Gate:
    """`portcullis serve` with the policy of config/, and a token of Alice with the scope `orders.read`. `settings` is
    added to its config."""

    def __init__(self, binary, folder, settings=""):
        def run(*arguments):
            return subprocess.run([binary, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

        run("key", "generate", "--algorithm", "ES256", "--out", folder / "private.pem", "--jwks", folder / "jwks.json")
        policy = (CHECKOUT / "config/policy.yaml").read_text(encoding="utf-8")
        (folder / "policy.yaml").write_text(policy, encoding="utf-8")
        self.port = free_port()
        (folder / "portcullis.yaml").write_text(
            "version: 1\npolicy: [policy.yaml]\ndrain_seconds: 0\n"
            f'listeners: {{authz: {{address: "127.0.0.1:{self.port}"}}, admin: {{address: "127.0.0.1:0"}}}}\n'
            "trust: [{issuer: https://id.shop.example, audiences: [orders-api], algorithms: [ES256], jwks_file: jwks.json}]\n" + settings,
            encoding="utf-8")
        self.process = subprocess.Popen([binary, "serve", "--config", folder / "portcullis.yaml"],
                                        stderr=subprocess.DEVNULL)
        self.token = run("token", "issue", "--key", folder / "private.pem", "--algorithm", "ES256", "--issuer",
                         "https://id.shop.example", "--audience", "orders-api", "--subject", "alice", "--scope",
                         "orders.read").strip()


def ended_with(stack, process):
    """The same process, which ends with the block of `stack`."""
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def ask(port, method, path, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def until(log, what, expected, *request):
    """Asks until the answer is the expected one; `log` is shown where it never is."""
    deadline = time.monotonic() + PATIENCE
    got = None
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            got = ask(*request)[0]
            if got == expected:
                return
        time.sleep(0.2)
    lines = log.read_text(encoding="utf-8").splitlines()[-20:]
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {what}: {got} instead of {expected}\n" + "\n".join(lines))


def show(what, expected, *request):
    status, body = ask(*request)
    told = f"  upstream was told {body}" if status == 200 and body else ""
    if status != expected:
        failures.append(f"{what}: {status} instead of {expected}")
    print(f"{'ok' if status == expected else 'WRONG':5} {status}  {what}{told}", flush=True)


def conclude():
    """The end of the process, with an error where an answer was another than the expected one."""
    if failures:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: " + "; ".join(failures))
