"""Kill the server at any instant: what was acknowledged is there, what is half done is not seen."""
import concurrent.futures
import random
import signal
import threading

KILLS = 8


def test_acknowledged_uploads_survive_kill_9(fresh_server):
    server, acknowledged, seed = fresh_server, {}, random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    server.client("s3").create_bucket(Bucket="crash")
    for attempt in range(KILLS):
        client, stop = server.client("s3", connect_timeout=5, read_timeout=5), threading.Event()

        def upload(worker, attempt=attempt, client=client, stop=stop):
            for number in range(10000):
                if stop.is_set():
                    return
                key, body = f"{attempt}/{worker}/{number}", bytes([worker, number % 256]) * dice.choice((10, 50000))
                try:
                    client.put_object(Bucket="crash", Key=key, Body=body)
                except Exception:
                    return
                acknowledged[key] = body

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            workers = [pool.submit(upload, worker) for worker in range(4)]
            threading.Event().wait(dice.uniform(0.05, 0.6))      # the random moment
            server.stop(signal.SIGKILL)
            stop.set()
            for worker in workers:
                worker.result()
        assert "clean" in server.run("verify").stdout
        server.start()
        client = server.client("s3")
        for key in [k for k in acknowledged if k.startswith(f"{attempt}/")]:
            assert client.get_object(Bucket="crash", Key=key)["Body"].read() == acknowledged[key], key
    assert len(acknowledged) > KILLS


def test_no_plaintext_at_rest(fresh_server):
    canary = "CANARY-7f3a9c51d2"
    s3, iam, kms = (fresh_server.client(name) for name in ("s3", "iam", "kms"))
    s3.create_bucket(Bucket="canary")
    for size in (1, 20000):
        s3.put_object(Bucket="canary", Key=f"{canary}/{size}", Body=canary.encode() * size, Metadata={"m": canary})
    kms.create_key(Description=canary)
    trust = '{"Version":"2012-10-17","Statement":[{"Sid":"CANARY7f3a9c51d2","Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}'
    iam.create_role(RoleName="canary", Description=canary, AssumeRolePolicyDocument=trust)
    fresh_server.stop()
    for path in fresh_server.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert canary.encode() not in content and b"CANARY7f3a9c51d2" not in content, path
