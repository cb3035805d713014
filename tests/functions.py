"""Small functions for the tests, and the roles and zips they need."""
import io
import json
import zipfile

# Speaks the Runtime API with nothing but Python: {"do": ...} of the event says how to behave.
BOOTSTRAP = '''#!/usr/bin/python3
import json, os, socket, sys, time, http.client
calls = 0
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
print("init done", flush=True)
def post(path, body, headers={}):
    api.request("POST", "/2018-06-01/runtime/" + path, json.dumps(body), headers)
    api.getresponse().read()
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, rid = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    calls += 1
    do = event.get("do", "echo") if isinstance(event, dict) else "echo"
    print("event " + do + " " + rid, flush=True)
    if do == "fail":
        post("invocation/" + rid + "/error", {"errorMessage": "told to fail", "errorType": "Told"}, {"Lambda-Runtime-Function-Error-Type": "Told"})
        continue
    if do == "exit": sys.exit(7)
    if do == "sleep": time.sleep(event["seconds"])
    if do == "eat":
        try: eaten = bytearray(event["mb"] << 20); result = "ate"
        except MemoryError: result = "refused"
    elif do == "env": result = dict(os.environ)
    elif do == "calls": result = calls
    elif do == "read":
        try: result = open(event["path"]).read()[:100]
        except OSError as e: result = e.strerror
    elif do == "write":
        try: open(event["path"], "w").write("x"); result = "written"
        except OSError as e: result = e.strerror
    elif do == "connect":
        try: socket.create_connection((event["host"], event["port"]), 2); result = "connected"
        except OSError as e: result = e.strerror or str(e)
    elif do == "unshare":
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        result = os.strerror(ctypes.get_errno()) if libc.unshare(0x10000000) else "unshared"
    elif do == "metric":
        print(json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{"Namespace": "Test/Emf", "Dimensions": [["Kind"]], "Metrics": [{"Name": "Eggs", "Unit": "Count"}]}]}, "Kind": "brown", "Eggs": 12}), flush=True)
        result = "done"
    elif do == "large": result = "x" * (7 << 20)
    else: result = event
    post("invocation/" + rid + "/response", result)
'''


def zipped(text=BOOTSTRAP, name="bootstrap", mode=0o755):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.create_system = 3
        archive.writestr(info, text)
    return buffer.getvalue()


def trust(*services):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}]})


def make_role(server, name, *statements, service="lambda.amazonaws.com"):
    iam = server.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return role


LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "arn:aws:logs:*:*:log-group:/aws/lambda/*"}


def make_function(server, name, role, **more):
    return server.client("lambda").create_function(FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": zipped()}, **more)
