"""What is refused before a process shares over Redis, each with what to do; and what is found out without changes."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from feed.storage.errors import SharingFailed, SharingRefused
from feed.storage.redis import inspect_sharing, open_sharing
from tests.contracts.redis_server import MISSING, RedisServer, binary, free_port, running_redis
from tests.contracts.shared_states import got, put

pytestmark = pytest.mark.skipif(binary() is None, reason=MISSING)

SECRET = "pass#word"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@contextmanager
def pretending(version: str) -> Iterator[int]:
    """A server that answers everything with the version that it says it has; its port."""

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            said = f"redis_version:{version}\r\n"
            for line in self.rfile:
                if line.upper().strip() in (b"INFO", b"HELLO", b"CLIENT"):
                    self.wfile.write(f"${len(said)}\r\n{said}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as serving:
        serving.daemon_threads = True
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "url",
    ["", "localhost:6379", "http://127.0.0.1", "unix:///tmp/redis", f"redis://:{SECRET}@host:1", "redis://h?db=x"],
)
def test_what_is_no_address_is_refused_and_not_repeated(url):
    with pytest.raises(SharingRefused, match=r"write redis://.*rediss://") as refused:
        open_sharing(url, "weir", "here")
    assert "word" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize("prefix", ["", "a b", "{weir}", "x" * 65, "ä"])
def test_a_prefix_that_cannot_begin_keys_is_refused(server, prefix):
    with pytest.raises(SharingRefused, match="WEIR_REDIS_PREFIX has 1 to 64"):
        open_sharing(server.url, prefix, "here")


def test_the_prefix_of_another_deployment_is_refused(server):
    open_sharing(server.url, "taken", "here").close()
    open_sharing(server.url, "taken", "here").close()
    with pytest.raises(SharingRefused, match=r"belongs to the deployment here; .* delete the key \{taken\}:owner"):
        open_sharing(server.url, "taken", "elsewhere")
    open_sharing(server.url, "free", "elsewhere").close()


@pytest.mark.parametrize("version", ["6.0.16", "5.0.14", "2.8"])
def test_a_version_that_is_too_old_is_refused(version):
    with pretending(version) as port, pytest.raises(SharingRefused, match=rf"{version}; Weir needs 6\.2 or newer"):
        open_sharing(f"redis://127.0.0.1:{port}", "weir", "here")


def test_a_wrong_password_is_refused_and_not_shown(tmp_path):
    with running_redis(tmp_path) as guarded:
        with guarded.client() as client:
            client.config_set("requirepass", SECRET)
        address = f"127.0.0.1:{guarded.port}"
        for url in (f"redis://{address}", f"redis://:wrong{SECRET.replace('#', '%23')}@{address}"):
            with pytest.raises(SharingRefused, match="refuses the user or password") as refused:
                open_sharing(url, "weir", "here")
            assert SECRET not in str(refused.value)
        sharing = open_sharing(f"redis://:{SECRET.replace('#', '%23')}@{address}", "weir", "here")
        assert got(sharing.states, "ann").ticket
        guarded.pause()
        with pytest.raises(SharingFailed) as failed:
            got(sharing.states, "ann")
        assert SECRET not in str(failed.value)
        guarded.go_on()
        sharing.close()


def test_a_server_that_may_drop_any_key_is_warned_of(server):
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with capture_logs() as logs:
            open_sharing(server.url, "evicting", "here").close()
        client.config_set("maxmemory-policy", "noeviction")
    assert [(log["event"], log["remedy"]) for log in logs] == [("redis_evicts", "set maxmemory-policy to volatile-lru")]


def test_a_server_that_is_not_there_is_only_warned_of():
    with capture_logs() as logs:
        open_sharing(f"redis://127.0.0.1:{free_port()}", "weir", "here").close()
    assert logs[0]["event"] == "redis_unreachable"


def test_an_encrypted_connection_is_used_when_the_certificate_holds(tmp_path):
    authority = certify(tmp_path)
    port = free_port()
    options = ["--tls-port", str(port), "--tls-cert-file", str(tmp_path / "cert.pem")]
    options += ["--tls-key-file", str(tmp_path / "key.pem"), "--tls-auth-clients", "no"]
    with running_redis(tmp_path, *options):
        with pytest.raises(SharingRefused, match=r"certificate .* does not hold"):
            open_sharing(f"rediss://127.0.0.1:{port}", "weir", "here")
        sharing = open_sharing(f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority}", "weir", "here")
        assert put(sharing.states, "ann", b"state", got(sharing.states, "ann").ticket)
        sharing.close()


def test_an_inspection_tells_what_is_there_and_changes_nothing(server):
    found = inspect_sharing(server.url, "looked-at")
    assert (found.name, found.cluster, found.evicts, found.owner) == (f"127.0.0.1:{server.port}", False, False, None)
    assert int(found.version.split(".")[0]) >= 6
    assert inspect_sharing(server.url, "looked-at").owner is None
    open_sharing(server.url, "looked-at", "here").close()
    assert inspect_sharing(server.url, "looked-at").owner == "here"


def test_an_inspection_of_nothing_says_that_it_cannot_be_reached():
    with pytest.raises(SharingFailed, match="cannot be reached"):
        inspect_sharing(f"redis://127.0.0.1:{free_port()}", "weir")


def certify(folder: Path) -> Path:
    """Write a key and a certificate for loopback; the file of the authority that signed it, which is itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return Path(shutil.copy(folder / "cert.pem", folder / "authority.pem"))
