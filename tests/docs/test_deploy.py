"""What lies in deploy/ is held to the service: it parses, names what exists, and keeps no secrets."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from feed.http.problems import PROBLEMS
from feed.settings import PREFIX, Settings
from tests.journeys.http_service import decision, running

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "weir.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]

FROM_PROMETHEUS = {"job", "instance", "le", "worker"}
FUNCTIONS = {"and", "count", "delta", "histogram_quantile", "increase", "max", "max_over_time", "offset", "or"}
FUNCTIONS |= {"by", "predict_linear", "rate", "scalar", "sum", "up"}
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
    "User": "weir",
}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of samples that a service exposes, with the labels of each."""
    with running(tmp_path_factory.mktemp("exposed")) as http:
        http.put_items()
        http.call("GET", "/v1/feed", "reader", subject="r1")
        http.call("GET", "/v1/nothing", "reader", subject="r1")
        http.call("POST", "/v1/decisions", "editor", json=decision("suppress", "item-1", http.service.clock.now()))
        events = [{"client_id": "c", "item": "item-1", "kind": "click"}]
        http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
        told = http.client.get("/metrics").text
        labels = {
            name: set(child._labelnames)
            for child in http.service.metrics.registry._collector_to_names
            for name in http.service.metrics.registry._collector_to_names[child]
            if hasattr(child, "_labelnames")
        }
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def metrics_in(query: str) -> set[str]:
    return set(re.findall(r"\bweir_[a-z0-9_]+", query))


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_and_label_of_a_query_is_exposed(query: str, exposed: dict[str, set[str]]) -> None:
    assert metrics_in(query) - set(exposed) == set()
    known = FROM_PROMETHEUS.union(*(exposed[name] for name in metrics_in(query)))
    matched = re.findall(r"[{,]\s*(\w+)\s*(?:=~|=|!=)", query)
    grouped = [name.strip() for names in re.findall(r"\bby \(([^)]*)\)", query) for name in names.split(",")]
    assert set(matched + grouped) - known == set()
    assert query.count("(") == query.count(")") and query.count("{") == query.count("}")
    words = re.sub(r'"[^"]*"|\{[^}]*\}|\bby \([^)]*\)|\[[^]]*\]|weir_\w+', " ", query)
    assert set(re.findall(r"(?<![\w.])[a-z_]{2,}", words)) - FUNCTIONS == set()


def test_the_query_rule_sees_what_is_not_exposed(exposed: dict[str, set[str]]) -> None:
    assert metrics_in("sum(rate(weir_invented_total[5m]))") - set(exposed)
    assert {"weir_lease_fresh", "weir_request_seconds_bucket", "weir_cases_overdue"} <= set(exposed)
    assert "kind" in exposed["weir_cases_overdue"]


def test_alerts_cover_what_an_operator_must_know_and_each_is_explained() -> None:
    text = text_of(ROOT / "docs" / "operations.md")
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}`" not in text] == []
    assert set(re.findall(r"`(Weir[A-Z]\w+)`", text)) == set(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"]


def test_panels_do_not_overlap_and_ask_the_provisioned_source() -> None:
    source = yaml.safe_load(text_of(DEPLOY / "grafana/provisioning/datasources/weir.yaml"))["datasources"][0]["uid"]
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & places and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {source}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+", text_of(path))) - known == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_secret_is_in_any_file(path: Path) -> None:
    for line in text_of(path).splitlines():
        given = re.match(r"\W*\w*(?:PASSWORD|SECRET|TOKEN)\w*\s*[:=]\s*(?P<value>\S*)", line)
        assert given is None or given["value"] == "" or given["value"].startswith("${"), line
        inside = re.search(r"://[^:/@\s]+:(?P<password>[^@\s]+)@", line)
        assert inside is None or inside["password"].startswith("${"), line
        assert not re.search(r"PRIVATE KEY|wk_[\w-]{20}|eyJ[\w-]{10}", line), line


def images() -> Iterator[str]:
    yield from (service["image"] for service in COMPOSE["services"].values())
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?", text_of(DEPLOY / "Dockerfile"), re.MULTILINE)
    yield from (image for image, _ in stages)


@pytest.mark.parametrize("image", sorted(set(images())))
def test_every_image_has_a_version(image: str) -> None:
    assert re.fullmatch(r"[a-z]+(?:/[a-z]+)?:v?\d+\.\d+[\w.-]*", image), image


def test_the_compose_file_names_what_is_there_and_opens_nothing_to_the_world() -> None:
    services, volumes = COMPOSE["services"], set(COMPOSE["volumes"])
    assert {"weir", "postgres", "redis", "prometheus", "grafana"} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes, volume
    build = services["weir"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    asked = set(re.findall(r"\$\{(\w+)", text_of(DEPLOY / "compose.yaml")))
    assert asked <= set(re.findall(r"^#?(\w+)=", text_of(DEPLOY / "example.env"), re.MULTILINE))


def test_the_proxy_replaces_what_clients_say_of_their_address_and_keeps_metrics_inside() -> None:
    text = text_of(DEPLOY / "haproxy" / "haproxy.cfg")
    assert "http-request set-header X-Forwarded-For %[src]" in text and "option forwardfor" not in text
    assert re.search(r"http-request deny .*path /metrics", text)
    assert "option httpchk GET /readyz" in text and "server-template weir 16 weir:8080" in text


def test_the_image_runs_as_nobody_in_particular_and_copies_what_is_there() -> None:
    lines = re.sub(r"\\\n\s*", " ", text_of(DEPLOY / "Dockerfile")).splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    known = "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD".split()
    assert [step for step, _ in steps if step not in known] == []
    assert [value for step, value in steps if step == "USER"] == ["weir"]
    sources = [name for step, value in steps if step == "COPY" and "--from" not in value for name in value.split()[:-1]]
    assert [name for name in sources if not (ROOT / name).exists()] == []
    allowed = re.findall(r"^!(.+)$", text_of(DEPLOY / "Dockerfile.dockerignore"), re.MULTILINE)
    assert sorted(allowed) == sorted(sources)
    extras = set(re.findall(r"\.\[(\w+)\]", text_of(DEPLOY / "Dockerfile")))
    assert extras <= set(re.findall(r"^(\w+) = \[", text_of(ROOT / "pyproject.toml"), re.MULTILINE))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_hardened_and_hold_for_systemd(unit: Path, tmp_path: Path) -> None:
    parsed = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(text_of(unit))
    if unit.suffix == ".service":
        service = dict(parsed["Service"])
        assert {name: service.get(name) for name in HARDENED} == HARDENED
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for one in UNITS:  # the program need not be installed here; a timer needs its service beside it
        (tmp_path / one.name).write_text(
            text_of(one).replace("ExecStart=/usr/lib/weir/bin/weir", "ExecStart=/bin/true")
        )
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)], capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, ""), told.stderr


def test_prometheus_itself_accepts_rules_and_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for what in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        subprocess.run([promtool, "check", *what], cwd=DEPLOY / "prometheus", check=True)


def test_prometheus_reads_the_rules_and_scrapes_the_job_that_alerts_name() -> None:
    told = yaml.safe_load(text_of(DEPLOY / "prometheus" / "prometheus.yml"))
    assert told["rule_files"] == ["alerts.yml"]
    jobs = {job["job_name"] for job in told["scrape_configs"]}
    assert set(re.findall(r'job="(\w+)"', " ".join(QUERIES))) <= jobs
    names = {name for job in told["scrape_configs"] for found in job["dns_sd_configs"] for name in found["names"]}
    assert names <= set(COMPOSE["services"])


def test_every_problem_that_operations_name_is_one() -> None:
    named = re.findall(r"^\| 503 `([a-z-]+)`", text_of(ROOT / "docs" / "operations.md"), re.MULTILINE)
    assert len(named) >= 3 and [name for name in named if name not in PROBLEMS] == []
