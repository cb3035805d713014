"""Every call leaves one record, allowed or not; nothing secret is in it; altering the store is noticed."""
import json


def events(trail, **attribute):
    found, token = [], {}
    while True:
        page = trail.lookup_events(LookupAttributes=[{"AttributeKey": k, "AttributeValue": v} for k, v in attribute.items()], MaxResults=7, **token)
        found += page["Events"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_every_management_call_is_recorded_once(server):
    trail, kms = server.client("cloudtrail"), server.client("kms")
    for _ in range(20):
        kms.create_key()
    created = events(trail, EventName="CreateKey")
    assert len(created) == 20 and len({e["EventId"] for e in created}) == 20
    record = json.loads(created[0]["CloudTrailEvent"])
    assert record["eventSource"] == "kms.amazonaws.com" and record["userIdentity"]["type"] == "AssumedRole" and record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    assert record["readOnly"] is False and record["managementEvent"] is True and created[0]["Username"].startswith("uid-")


def test_refusals_are_recorded_with_their_code(server, code):
    trail, s3 = server.client("cloudtrail"), server.client("s3")
    assert code(s3.delete_bucket, Bucket="no-such-bucket") == "NoSuchBucket"
    assert code(server.client("kms", session=server.session() | {"SecretAccessKey": "x"}).list_aliases) == "InvalidSignatureException"
    denied = json.loads(events(trail, EventName="DeleteBucket")[0]["CloudTrailEvent"])
    assert denied["errorCode"] == "NoSuchBucket" and denied["requestParameters"]["bucketName"] == "no-such-bucket"
    codes = {json.loads(e["CloudTrailEvent"]).get("errorCode") for e in events(trail, EventSource="kms.amazonaws.com")}
    assert "InvalidSignatureException" in codes


def test_secrets_and_payloads_are_in_no_record(server):
    trail, kms, sts = server.client("cloudtrail"), server.client("kms"), server.client("sts")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"CANARY-PLAINTEXT")
    kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    session = server.session()
    text = "".join(e["CloudTrailEvent"] for e in events(trail))
    assert "CANARY" not in text and "Q0FOQVJZ" not in text
    assert session["SecretAccessKey"] not in text and session["SessionToken"] not in text
    assert sts.get_caller_identity()["Account"] in text


def test_strangers_cannot_fill_the_disk(server):
    import ssl
    import urllib.error
    import urllib.request
    trail = server.client("cloudtrail")
    before = len(events(trail))
    context = ssl.create_default_context(cafile=server.endpoint["ca_file"])
    for _ in range(60):
        try:
            urllib.request.urlopen(server.endpoint["endpoint"] + "/x", context=context)
        except urllib.error.HTTPError as refused:
            assert refused.code == 403
    grown = [e for e in events(trail) if json.loads(e["CloudTrailEvent"]).get("errorCode") == "AccessDenied"]
    assert len(grown) <= 20 and len(events(trail)) > before      # ten a minute, at most two minutes here


def test_wrong_questions_are_refused(server, code):
    trail = server.client("cloudtrail")
    assert code(trail.lookup_events, NextToken="nonsense") == "InvalidNextTokenException"
    assert code(trail.lookup_events, StartTime=2, EndTime=1) == "InvalidTimeRangeException"
    assert code(trail.create_trail, Name="later", S3BucketName="no-such-bucket") == "S3BucketDoesNotExistException"
