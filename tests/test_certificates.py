# SPDX-License-Identifier: Apache-2.0
"""Certificates: how long they live, what they are for, that they are renewed in time, and whom the
command line trusts."""
import datetime
import ipaddress
import json
import os
import pathlib
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import conftest
from clock import ahead, moved_by
from conftest import Server
from functions import until


def shown(server, name="127.0.0.1", cafile=None):
    """The certificate that a client sees who trusts the server's CA and checks the name."""
    host, port = server.endpoint["endpoint"].removeprefix("https://").rsplit(":", 1)
    context = ssl.create_default_context(cafile=cafile or server.endpoint["ca_file"])
    with socket.create_connection((host, int(port)), timeout=30) as raw, context.wrap_socket(
        raw, server_hostname=name
    ) as spoken:
        return x509.load_der_x509_certificate(spoken.getpeercert(True))


def peer(server):
    """The same, trusting nothing: a server whose clock is ahead shows what is not yet valid."""
    host, port = server.endpoint["endpoint"].removeprefix("https://").rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, int(port)), timeout=30) as raw, context.wrap_socket(
        raw
    ) as spoken:
        return x509.load_der_x509_certificate(spoken.getpeercert(True))


def make_own(folder, days=90, name="127.0.0.1"):
    """A self-signed certificate of the operator's."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "own")])
    cert = (
        x509.CertificateBuilder(
            subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - datetime.timedelta(hours=1),
            now + datetime.timedelta(days=days),
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "own.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "own.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return "--certificate", str(folder / "own.pem"), "--key", str(folder / "own.key")


def test_a_certificate_lives_397_days_and_its_authorities_key_is_sealed(server):
    leaf, authority = shown(server), x509.load_pem_x509_certificate(
        pathlib.Path(server.endpoint["ca_file"]).read_bytes()
    )
    assert leaf.not_valid_after - leaf.not_valid_before <= datetime.timedelta(days=397)
    assert authority.not_valid_after - authority.not_valid_before > datetime.timedelta(days=3600)
    sealed = (server.data_dir / "tls" / "ca.key.sealed").read_bytes()
    with pytest.raises(ValueError):
        serialization.load_der_private_key(sealed, None)
    ends = leaf.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (
        json.loads(server.run("status", "--json").stdout)["certificate_ends"]
        == ends
        == server.endpoint["certificate_ends"]
        and f"{ends}, in 39" in server.run("status").stdout
    )
    assert server.endpoint["certificate_sha256"] == leaf.fingerprint(hashes.SHA256()).hex()


def start_logged(server, **environment):
    """Starts the server and returns the file of its log."""
    log = server.directory / "stderr"
    with log.open("w") as file:
        server.process = subprocess.Popen(
            [conftest.SLUICE, "serve", "--data-dir", server.data_dir, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={**os.environ, **environment},
        )
    assert server.process.stdout.readline().startswith("Sluice serves")
    server.endpoint = json.loads((server.data_dir / "endpoint.json").read_text())
    return log


def authority_of(server):
    return pathlib.Path(server.endpoint["ca_file"]).read_bytes()


def accepted(server):
    """What `shown` returns, or None while clients refuse the server."""
    try:
        return shown(server)
    except ssl.SSLCertVerificationError:
        return None


def test_it_is_renewed_under_the_same_authority_while_it_serves(tmp_path):
    """At two thirds of its life: the clock of the running server moves, new connections get the new
    one, and the command line knows it. When that clock was wrong, and is set back, clients are not
    left with a certificate whose time has not begun."""
    server, offset = Server(tmp_path), tmp_path / "offset"
    server.start(**moved_by(offset, "+0d"))
    try:
        first = peer(server)
        offset.write_text("+200d\n")
        assert peer(server) == first  # not yet
        offset.write_text("+270d\n")
        second = until(lambda: (lambda now: now if now != first else None)(peer(server)))
        assert second.not_valid_after > first.not_valid_after + datetime.timedelta(days=200)
        authority = x509.load_pem_x509_certificate(
            pathlib.Path(server.endpoint["ca_file"]).read_bytes()
        )
        authority.public_key().verify(
            second.signature, second.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256())
        )
        until(
            lambda: json.loads((server.data_dir / "endpoint.json").read_text())[
                "certificate_sha256"
            ]
            == second.fingerprint(hashes.SHA256()).hex()
        )
        offset.write_text("+0d\n")
        assert until(lambda: accepted(server)) not in (first, second)
    finally:
        assert server.stop() == 0


def test_an_older_directory_gets_a_new_authority_and_says_so(tmp_path):
    """Whose key was thrown away, or whose root key is another."""
    server = Server(tmp_path).start()
    old = authority_of(server)
    assert server.stop() == 0
    (server.data_dir / "tls" / "ca.key.sealed").unlink()
    log = start_logged(server)
    assert shown(server) and authority_of(server) != old
    assert "a new CA is made" in log.read_text() and "no key that can be opened" in log.read_text()
    assert server.stop() == 0


NOT_BEGUN = "the clock stands before the time of the CA"


def test_a_clock_that_is_set_back_changes_no_certificate(tmp_path):
    """Every device trusts the CA: a wrong step of the clock must not take it away, neither while
    the server runs nor at a start, say of a machine that knows no time yet."""
    server, offset = Server(tmp_path), tmp_path / "offset"
    log = start_logged(server, **moved_by(offset, "+0d"))
    try:
        before, leaf = authority_of(server), peer(server)
        offset.write_text("-7200s\n")
        until(lambda: NOT_BEGUN in log.read_text() or authority_of(server) != before)
        offset.write_text("+0d\n")
        assert (authority_of(server), shown(server)) == (before, leaf)
    finally:
        assert server.stop() == 0
    log = start_logged(server, **moved_by(offset, "-3650d"))
    try:
        assert (authority_of(server), shown(server)) == (before, leaf)
        assert log.read_text().count(NOT_BEGUN) == 1
    finally:
        assert server.stop() == 0


def test_no_device_is_enrolled_while_the_clock_is_behind_and_nobody_is_told_to_begin_anew(tmp_path):
    """Its certificate would be over, and a new CA would be the end of all others."""
    server = Server(tmp_path).start()
    enroll = ("device", "enroll", "fan", "--role", "device", "--out", tmp_path)
    server.run(*enroll, check=False)
    assert (server.data_dir / "devices" / "ca.pem").exists()
    assert server.stop() == 0
    environment = ahead(days=0) | {"FAKETIME": "-3650d"}
    server.start(**environment)
    refused = server.run(*enroll, check=False)
    assert refused.returncode == 1
    assert "the clock stands before the time of the CA" in refused.stderr
    assert "move the folder away" not in refused.stderr
    assert server.stop() == 0


def test_an_authority_made_before_the_clock_was_set_is_replaced_for_good(tmp_path):
    """Its time is over when the clock is right, so nobody could use it. The one that follows stays,
    also when the machine begins without the time once more."""
    server, offset = Server(tmp_path), tmp_path / "offset"
    server.start(**moved_by(offset, "-3650d"))
    try:
        useless = authority_of(server)
        offset.write_text("+0d\n")
        leaf = until(lambda: accepted(server))
        useful = authority_of(server)
        assert useful != useless
    finally:
        assert server.stop() == 0
    server.start(**moved_by(offset, "-3650d"))
    assert (authority_of(server), shown(server)) == (useful, leaf)
    assert server.stop() == 0


def test_a_clock_that_was_far_ahead_for_a_while_costs_no_authority(tmp_path):
    """In the last third of its time a CA is replaced. When it was only the clock, the CA comes back
    with the right one, and so does the other at the next wrong step: there are never more."""
    server, offset = Server(tmp_path), tmp_path / "offset"
    log = start_logged(server, **moved_by(offset, "+0d"))
    try:
        first = authority_of(server)
        offset.write_text("+2600d\n")
        until(lambda: authority_of(server) != first)
        second = authority_of(server)
        assert "is in the last third of its time" in log.read_text()
        offset.write_text("+0d\n")
        until(lambda: accepted(server))
        assert authority_of(server) == first and "is in use again" in log.read_text()
        offset.write_text("+2600d\n")
        until(lambda: authority_of(server) != first)
        assert authority_of(server) == second
    finally:
        assert server.stop() == 0


def test_a_crash_while_an_authority_is_replaced_loses_none(tmp_path):
    """The new key is on disk, and its certificate is not."""
    server = Server(tmp_path).start()
    first = authority_of(server)
    assert server.stop() == 0
    server.start(**ahead(days=2600))
    assert authority_of(server) != first
    assert server.stop() == 0
    (server.data_dir / "tls" / "ca.pem").write_bytes(first)
    server.start()
    assert shown(server) and authority_of(server) == first
    assert server.stop() == 0


def test_a_crash_between_key_and_certificate_is_got_over(tmp_path):
    """The key was renewed and its certificate was not: a new pair, and the server starts."""
    server = Server(tmp_path).start()
    key, certificate = (server.data_dir / "tls" / n for n in ("server.key.sealed", "server.pem"))
    another = key.read_bytes()
    assert server.stop() == 0
    certificate.unlink()
    server.start()
    first = shown(server)
    assert server.stop() == 0
    key.write_bytes(another)
    server.start()
    assert shown(server) != first
    assert server.stop() == 0


def test_no_private_key_lies_open_on_the_disk(tmp_path):
    """Whoever steals the disk cannot stand in for the server. An earlier version left its key in
    server.key: it goes, and with it the certificate whose key the thief may have."""
    server = Server(tmp_path).start()
    first = shown(server)
    assert server.stop() == 0
    tls = server.data_dir / "tls"
    make_own(tmp_path)
    (tls / "server.key").write_bytes((tmp_path / "own.key").read_bytes())
    (tls / "server.key.sealed").unlink()
    server.start()
    assert shown(server) != first
    kept = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert tls / "server.key.sealed" in kept
    assert not [path for path in kept if b"PRIVATE KEY" in path.read_bytes()]
    assert server.stop() == 0


def names_in(cert):
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    }


def test_names_are_served_and_a_changed_set_renews(tmp_path):
    server = Server(tmp_path)
    server.options = ("--name", "ingest.example", "--name", "192.0.2.7")
    server.start()
    assert (
        shown(server, "ingest.example")
        == shown(server, "192.0.2.7")
        == shown(server, "bucket.s3.ingest.example")
    )
    first = shown(server)
    assert server.stop() == 0
    server.start()
    assert shown(server) == first  # the same names: the same certificate
    assert server.stop() == 0
    server.options = ("--name", "other.example")
    server.start()
    assert "other.example" in names_in(shown(server)) and "ingest.example" not in names_in(
        shown(server)
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(server, "ingest.example")
    assert server.stop() == 0


def test_the_banner_shows_the_address_of_devices_and_all_addresses_are_served(tmp_path):
    server = Server(tmp_path)
    command = [
        conftest.SLUICE,
        "serve",
        "--data-dir",
        "data",
        "--listen",
        "0.0.0.0:0",
        "--name",
        "ingest.example",
    ]
    server.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert server.process.stdout.readline().startswith("Sluice serves https://ingest.example:")
    server.endpoint = json.loads((server.data_dir / "endpoint.json").read_text())
    assert os.path.isabs(server.endpoint["ca_file"]) and server.endpoint["ca_file"].startswith(
        str(tmp_path)
    )  # --data-dir was not
    addresses = (
        {
            line.split()[3].split("/")[0]
            for line in subprocess.run(
                ["ip", "-o", "-4", "addr", "show", "scope", "global"],
                capture_output=True,
                text=True,
            ).stdout.splitlines()
        }
        if any(
            os.access(f"{folder}/ip", os.X_OK)
            for folder in ("/sbin", "/usr/sbin", "/bin", "/usr/bin")
        )
        else set()
    )
    assert addresses <= names_in(shown(server)) and socket.gethostname() in names_in(shown(server))
    assert server.stop() == 0


def test_the_command_line_trusts_its_own_server_and_no_other(tmp_path):
    """A certificate of the operator's own: every command works, `aws` too; another server at that
    address is refused."""
    server = Server(tmp_path)
    server.options = make_own(tmp_path)
    server.start()
    assert (
        server.endpoint["ca_file"] == str(tmp_path / "own.pem")
        and shown(server).subject.rfc4514_string() == "CN=own"
    )
    assert "its certificate ends" in server.run("status").stdout
    server.run("deploy")
    (tmp_path / "one.json").write_text(
        '{"device_id": "d", "timestamp": "2026-01-01T00:00:00Z", "value": 1}'
    )
    server.run(
        "put", tmp_path / "one.json", "--wait"
    )  # functions trust the local CA, whatever is served
    assert "sluice-trail" in server.run("aws", "s3", "ls").stdout
    other = Server(tmp_path / "other")
    (tmp_path / "other").mkdir()
    other.start()
    told = json.loads((server.data_dir / "endpoint.json").read_text())
    (server.data_dir / "endpoint.json").write_text(
        json.dumps(told | {"endpoint": other.endpoint["endpoint"]})
    )
    refused = server.run("status", check=False)
    assert refused.returncode == 1 and "it is another server" in refused.stderr
    (server.data_dir / "endpoint.json").write_text(json.dumps(told))
    before = told["certificate_sha256"]
    make_own(tmp_path)  # the operator renews it: taken without a restart
    until(
        lambda: json.loads((server.data_dir / "endpoint.json").read_text())["certificate_sha256"]
        != before
    )
    assert "its certificate ends" in server.run("status").stdout
    assert server.stop() == 0 and other.stop() == 0


@pytest.mark.parametrize("days, text", ((20, "ends in 19 days"), (-1, "is over since")))
def test_an_own_certificate_that_ends_is_told(tmp_path, days, text):
    own = make_own(tmp_path, days) if days > 0 else make_own(tmp_path, days=1)
    environment = ahead(days=2) if days < 0 else {}
    with (tmp_path / "stderr").open("w") as log:
        process = subprocess.Popen(
            [
                conftest.SLUICE,
                "serve",
                "--data-dir",
                tmp_path / "data",
                "--listen",
                "127.0.0.1:0",
                *own,
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment},
        )
        process.stdout.readline()
        process.terminate()
        process.wait(timeout=30)
    assert text in (tmp_path / "stderr").read_text()


def test_a_directory_of_others_is_refused(tmp_path):
    def refusal(folder):
        done = subprocess.run(
            [conftest.SLUICE, "serve", "--data-dir", folder, "--listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 1
        return done.stderr

    (tmp_path / "photos").mkdir(mode=0o700)
    (tmp_path / "photos" / "cat.png").write_bytes(b"x")
    assert "is not empty and not of Sluice (it has cat.png)" in refusal(tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.png"]
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o770)
    assert "other users may write to the data directory" in refusal(
        tmp_path / "shared"
    ) and "chmod 700" in refusal(tmp_path / "shared")
