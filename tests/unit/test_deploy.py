"""What is written for containers names what exists: settings, commands, options, paths of probes, files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from cleanplate.cli.app import app as command
from cleanplate.settings import Section, Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile*"))
MANIFESTS = [one for one in sorted((DEPLOY / "kubernetes").glob("*.yaml")) if one.stem != "kustomization"]
PROBES = {"/healthz", "/readyz"}


def documents(file):
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def objects():
    return [one for file in MANIFESTS for one in documents(file)]


def deployments():
    return [one for one in objects() if one["kind"] == "Deployment"]


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def variables():
    """Every variable that a setting can be given by."""
    known = {"CLEANPLATE_CONFIG", "CLEANPLATE_DEBUG"}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            known |= {f"CLEANPLATE_{name}__{key}".upper() for key in section.model_fields}
        else:
            known.add(f"CLEANPLATE_{name}".upper())
    return known


def understood(words):
    """Whether the command has this subcommand with these options."""
    name, *rest = map(str, words)
    commands = get_command(command).commands
    assert name in commands, f"there is no command {name}"
    options = {option for one in commands[name].params for option in (*one.opts, *one.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= options
    return True


@pytest.mark.parametrize(
    "file", [one for one in sorted(DEPLOY.rglob("*")) if one.is_file()], ids=lambda one: one.name
)
def test_every_setting_that_is_named_exists(file):
    named = set(re.findall(r"CLEANPLATE_[A-Z_]+[A-Z]", file.read_text()))
    assert named <= variables()


def environments():
    for name, service in compose()["services"].items():
        if "environment" in service:
            yield f"compose {name}", service["environment"]
    for one in objects():
        if one["kind"] == "ConfigMap":
            yield "config map", one["data"]
    for one in deployments():
        [container] = one["spec"]["template"]["spec"]["containers"]
        yield one["metadata"]["name"], {each["name"]: each["value"] for each in container.get("env", [])}
    for file in DOCKERFILES:
        yield file.name, dict(re.findall(r"(CLEANPLATE_\w+)=(\S+)", file.read_text()))


@pytest.mark.parametrize(("where", "values"), list(environments()))
def test_what_is_set_is_valid(where, values, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in values.items():
        if name.startswith("CLEANPLATE_"):
            asked = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))  # a default
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "secret", asked))  # what must be given
            if name.endswith(("ACCESS_KEY", "SECRET_KEY")):
                monkeypatch.setenv("CLEANPLATE_BLOBS__ACCESS_KEY", "a")
                monkeypatch.setenv("CLEANPLATE_BLOBS__SECRET_KEY", "b")
    assert load()


class TestDockerfiles:
    @pytest.mark.parametrize("file", DOCKERFILES, ids=lambda one: one.name)
    def test_it_is_built_in_stages_and_runs_as_nobody(self, file):
        text = file.read_text()
        stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)
        assert len(stages) == 2
        last = text[text.rindex("\nFROM ") :]
        assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
        assert "pip install" not in last  # what builds stays behind
        assert ":latest" not in text
        [words] = re.findall(r'^CMD \["(.+)"\]$', last, re.MULTILINE)
        assert understood(words.split('", "'))

    @pytest.mark.parametrize("file", DOCKERFILES, ids=lambda one: one.name)
    def test_what_is_copied_exists_and_is_sent_to_the_builder(self, file):
        sent = {
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        }
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", file.read_text(), re.MULTILINE):
            for source in line.split():
                assert (ROOT / source).exists()
                assert source.split("/")[0] in sent

    def test_the_card_has_one_runtime(self):
        text = (DEPLOY / "Dockerfile.cuda").read_text()
        assert "pip uninstall --yes onnxruntime " in text
        extra = re.search(r'gpu = \["(onnxruntime-gpu\[[a-z,]+\])', (ROOT / "pyproject.toml").read_text())
        assert extra is not None
        assert f'"{extra[1]}==' in text


class TestCompose:
    def test_two_answer_and_two_work_beside_a_database_and_an_s3_server(self):
        services = compose()["services"]
        parts = [tuple(one["command"][:2]) for one in services.values() if one.get("image") == "cleanplate"]
        assert sorted(parts) == [("serve", "--no-worker")] * 2 + [("worker", "--slots")] * 2
        assert {"postgres", "s3"} <= set(services)

    def test_ours_are_read_only_may_drain_and_are_understood(self):
        ours = [one for one in compose()["services"].values() if one.get("image") == "cleanplate"]
        for one in ours:
            assert understood(one["command"])
            assert one["read_only"]
            assert one["cap_drop"] == ["ALL"]
            assert float(one["stop_grace_period"].removesuffix("s")) >= 2 * load().worker.drain_seconds
            assert PROBES & set(re.findall(r"/\w+", " ".join(one["healthcheck"]["test"])))

    def test_every_secret_must_be_given(self):
        named = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
        lines = (DEPLOY / "example.env").read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        assert named == {name for name, value in given.items() if not value}

    def test_the_proxy_takes_as_much_as_the_service(self):
        most = f"{load().http.max_body_bytes // 2**20}m"
        assert f"client_max_body_size {most};" in (DEPLOY / "nginx.conf").read_text()
        [ingress] = documents(DEPLOY / "kubernetes/ingress.yaml")
        assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == most
        for name in ("api-1", "api-2"):
            assert f"server {name}:8080" in (DEPLOY / "nginx.conf").read_text()


class TestKubernetes:
    @pytest.mark.parametrize("one", deployments(), ids=lambda one: one["metadata"]["name"])
    def test_a_deployment_is_restricted_probed_and_may_drain(self, one):
        pod = one["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert understood(container["args"])
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert pod["terminationGracePeriodSeconds"] >= 2 * load().worker.drain_seconds
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in PROBES
            assert asked["port"] in ports
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            one["name"] for one in pod["volumes"]
        }
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()

    def test_no_two_deployments_select_the_same_pods(self):
        chosen = [str(one["spec"]["selector"]["matchLabels"]) for one in deployments()]
        assert len(chosen) == len(set(chosen))

    def test_budgets_services_and_scalers_are_of_what_there_is(self):
        names = {one["metadata"]["name"] for one in deployments()}
        pods = [one["spec"]["template"]["metadata"]["labels"] for one in deployments()]
        budgets = 0
        for one in objects():
            spec = one.get("spec", {})
            if one["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}:
                assert spec["scaleTargetRef"]["name"] in names
            if one["kind"] in {"PodDisruptionBudget", "Service"}:
                selector = spec["selector"].get("matchLabels", spec["selector"])
                assert any(selector.items() <= labels.items() for labels in pods)
                budgets += one["kind"] == "PodDisruptionBudget"
        assert budgets == 2

    def test_the_probes_of_a_worker_are_where_it_listens(self):
        [settings] = [one["data"] for one in objects() if one["kind"] == "ConfigMap"]
        port = int(settings["CLEANPLATE_WORKER__PORT"])
        for one in deployments():
            if "worker" in one["metadata"]["name"]:
                [container] = one["spec"]["template"]["spec"]["containers"]
                assert container["ports"][0]["containerPort"] == port

    def test_it_scales_on_a_number_that_is_told(self):
        from cleanplate import metrics

        [scaler] = documents(DEPLOY / "kubernetes/keda.yaml")
        for trigger in scaler["spec"]["triggers"]:
            [name] = re.findall(r"cleanplate_\w+", trigger["metadata"]["query"])
            assert name in {family.name for family in metrics.REGISTRY.collect()}

    def test_everything_is_listed(self):
        listed = (DEPLOY / "kubernetes/kustomization.yaml").read_text()
        assert {f"- {one.name}" for one in MANIFESTS} <= {
            line.strip().removeprefix("# ").split("   ")[0].strip() for line in listed.splitlines()
        }

    @pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
    def test_kustomize_puts_it_together(self):
        done = subprocess.run(
            ["kubectl", "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
        assert kinds.count("Deployment") == kinds.count("PodDisruptionBudget") == 2
