# SPDX-License-Identifier: Apache-2.0
"""An identity provider and certificate authorities, as the tests of sessions need them."""
import base64
import datetime
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.utcnow


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return url64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Provider:
    """Issues tokens as an OpenID Connect provider does."""

    def __init__(self, issuer, audience):
        self.issuer, self.audience = issuer, audience
        self.keys = {
            "RS256": rsa.generate_private_key(65537, 2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }

    def jwk(self, algorithm, **more):
        public = self.keys[algorithm].public_key().public_numbers()
        shown = (
            {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
            if algorithm == "RS256"
            else {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}
        )
        return shown | {"kid": algorithm, "use": "sig", "alg": algorithm} | more

    def jwks(self):
        return {"keys": [self.jwk("RS256"), self.jwk("ES256")]}

    def claims(self, **changed):
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "repo:plant/sensors",
            "iat": now,
            "exp": now + 300,
        } | changed
        return {k: v for k, v in claims.items() if v is not None}

    def sign(self, text, algorithm):
        key = self.keys[algorithm]
        if algorithm == "RS256":
            return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token(self, algorithm="RS256", header=(), signature=None, **claims):
        head = {"alg": algorithm, "typ": "JWT", "kid": algorithm} | dict(header)
        head = {k: v for k, v in head.items() if v is not None}
        parts = [url64(json.dumps(p).encode()) for p in (head, self.claims(**claims))]
        text = ".".join(parts).encode()
        return ".".join(
            [*parts, url64(signature if signature is not None else self.sign(text, algorithm))]
        )


def name_of(**parts):
    kinds = {
        "CN": NameOID.COMMON_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "O": NameOID.ORGANIZATION_NAME,
    }
    return x509.Name([x509.NameAttribute(kinds[k], v) for k, v in parts.items()])


class Authority:
    """A certificate authority; with `above`, one that another has made."""

    def __init__(self, cn="Plant CA", above=None, ca=True, key=None):
        self.key, self.name = key or ec.generate_private_key(ec.SECP256R1()), name_of(CN=cn)
        signer = above or self
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW() - datetime.timedelta(days=1))
            .not_valid_after(NOW() + datetime.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256())
        )

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        cn="pump-7",
        rsa_key=False,
        days=(-1, 30),
        key_usage=True,
        signs=True,
        ca=None,
        names=(),
        extended=None,
        digest=None,
        subject=None,
        key=None,
    ):
        """(private key, certificate) of a device."""
        key = key or (
            rsa.generate_private_key(65537, 2048)
            if rsa_key
            else ec.generate_private_key(ec.SECP256R1())
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or name_of(CN=cn, OU="field", O="Plant"))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW() + datetime.timedelta(days=days[0]))
            .not_valid_after(NOW() + datetime.timedelta(days=days[1]))
        )
        if key_usage:
            usage = dict.fromkeys(
                (
                    "content_commitment",
                    "data_encipherment",
                    "key_agreement",
                    "key_cert_sign",
                    "crl_sign",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            builder = builder.add_extension(
                x509.KeyUsage(digital_signature=signs, key_encipherment=not signs, **usage),
                critical=True,
            )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage([extended]), critical=False)
        return key, builder.sign(self.key, digest or hashes.SHA256())

    def revoking(self, *certificates):
        """A revocation list, in DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(NOW() - datetime.timedelta(days=1))
            .next_update(NOW() + datetime.timedelta(days=30))
        )
        for one in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(one.serial_number)
                .revocation_date(NOW() - datetime.timedelta(days=1))
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
