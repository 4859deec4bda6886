"""An API server of Kubernetes without a cluster, for demos: etcd, kube-apiserver, and kubectl."""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

from gate_demo import CHECKOUT, PATIENCE, ended_with, free_port, installed

TOKEN = "only-on-loopback"


def definitions(modules):
    """The files with the custom resources of these Go modules, in the versions that install-kubernetes-tools names."""
    loader = importlib.machinery.SourceFileLoader("kubernetes_tools", str(CHECKOUT / "scripts/install-kubernetes-tools"))
    tools = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(tools)
    files = []
    for module, version, pattern in tools.DEFINITIONS:
        if module in modules:
            told = json.loads(tools.go("mod", "download", "-json", f"{module}@{version}", cwd="/"))
            files += sorted(pathlib.Path(told["Dir"]).glob(pattern))
    return files


class ApiServer:
    """Ends with `stack`. Everybody may do everything there, with the token in `kubeconfig`; what names no namespace is for
    `namespace`."""

    def __init__(self, binary, folder, stack, namespace="default"):
        if shutil.which("etcd") is None:
            sys.exit("api_server: `etcd` is not installed; on Debian: apt-get install etcd-server")
        self.folder, self.log = folder, folder / "kube-apiserver.log"
        command = installed("install-control-plane", "kube-apiserver")[0]
        store, peer, self.port = free_port(), free_port(), free_port()
        self.start(stack, folder / "etcd.log", [
            "etcd", f"--data-dir={folder / 'etcd'}", f"--listen-client-urls=http://127.0.0.1:{store}",
            f"--advertise-client-urls=http://127.0.0.1:{store}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}", f"--initial-cluster=default=http://127.0.0.1:{peer}"])
        key, tokens = folder / "accounts.pem", folder / "tokens.csv"
        subprocess.run([binary, "key", "generate", "--algorithm", "RS256", "--out", key], check=True, capture_output=True)
        tokens.write_text(f"{TOKEN},admin,1,system:masters\n", encoding="utf-8")
        self.start(stack, self.log, [
            command, f"--etcd-servers=http://127.0.0.1:{store}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            f"--cert-dir={folder / 'certificates'}", "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
            f"--token-auth-file={tokens}", "--authorization-mode=AlwaysAllow", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={key}",
            # No controller makes the account that a Pod has unless it names one.
            "--disable-admission-plugins=ServiceAccount"])
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin", "namespace": namespace}}],
            "clusters": [{"name": "here", "cluster": {"server": f"https://127.0.0.1:{self.port}",
                                                      "insecure-skip-tls-verify": True}}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}]}), encoding="utf-8")
        self.until("it did not get ready", lambda: self.kubectl("get", "--raw", "/readyz").returncode == 0)

    @staticmethod
    def start(stack, log, command):
        with log.open("w", encoding="utf-8") as out:
            ended_with(stack, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))

    def until(self, what, is_so):
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > deadline:
                lines = self.log.read_text(encoding="utf-8").splitlines()[-20:]
                sys.exit(f"{pathlib.Path(sys.argv[0]).name}: kube-apiserver: {what}\n" + "\n".join(lines))
            time.sleep(0.2)

    def kubectl(self, *arguments, told=None):
        # A cache of its own: that of the user is of other clusters.
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.folder / 'cache'}", *map(str, arguments)]
        return subprocess.run(command, input=told, capture_output=True, text=True, check=False)

    def apply(self, text):
        done = self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", told=text)
        if done.returncode != 0:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: kubectl apply: {done.stderr.strip()}")

    def define(self, *modules):
        """Makes the custom resources of these Go modules known."""
        for file in definitions(modules):
            # A file may be a template of a chart, with a condition around.
            lines = file.read_text(encoding="utf-8").splitlines()
            parts = "\n".join(line for line in lines if not line.startswith("{{")).split("\n---\n")
            for part in parts:
                if re.search(r"^kind: CustomResourceDefinition$", part, re.MULTILINE):
                    self.apply(part)
        done = self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        if done.returncode != 0:
            sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {done.stderr.strip()}")
