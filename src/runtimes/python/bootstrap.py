# SPDX-License-Identifier: Apache-2.0
"""Sluice's runtime client for Python: /var/runtime/bootstrap.py of a function's sandbox.

It loads the handler, takes invocations from the Runtime API one after the other, and reports what
became of them in AWS's words. What costs time to import is imported when it is needed: a function
that does not log does not pay for `logging`. Source: Lambda Developer Guide, "Using the Lambda
runtime API", "Python handler", "Python context object", "Python logging"."""
import json
import os
import sys
import time
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection

LOGS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SYSTEM_PACKAGES = "/usr/lib/python3/dist-packages"
request_id = None  # of the invocation that runs


class Api:
    """The Runtime API over one kept connection. It is spoken without http.client, whose import
    takes longer than a warm call."""

    BASE = "/2018-06-01/runtime/"

    def __init__(self, address):
        self.address = address
        self.connection = self.reader = None

    def open(self):
        host, port = self.address.rsplit(":", 1)
        self.connection = create_connection((host, int(port)))
        self.connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.reader = self.connection.makefile("rb")

    def close(self):
        if self.connection:
            self.reader.close()
            self.connection.close()
            self.connection = None

    def call(self, method, path, body=b"", error_type=None):
        """Returns status, headers in lower case, and body."""
        head = f"{method} {self.BASE}{path} HTTP/1.1\r\nHost: {self.address}\r\n"
        if error_type:
            head += f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if not self.connection:
            self.open()
        try:
            self.connection.sendall(head.encode("ascii", "replace") + b"\r\n" + body)
        except OSError:  # the server has said no before it had read everything
            pass
        try:
            return self.answer()
        except (OSError, ValueError):
            self.close()
            raise

    def answer(self):
        status_line = self.reader.readline(4096).split()
        if len(status_line) < 2:
            raise OSError("the Runtime API has closed the connection")
        headers = {}
        while (line := self.reader.readline(65536)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.reader.read(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(status_line[1]), headers, body


class Fault(Exception):
    """What the runtime itself has to say against a function."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


def described(error):
    """What AWS answers for an exception: errorMessage, errorType, requestId and stackTrace."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        import traceback

        kind, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename == __file__:
            frames.pop(0)
        trace = traceback.format_list(frames)
    return {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": request_id or "",
        "stackTrace": trace,
    }


def as_one_event(text):
    """A log event ends with a line, so the lines within it are parted otherwise."""
    return text.rstrip("\n").replace("\n", "\r") + "\n"


def utc(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def log_error(told):
    if LOGS_JSON:
        line = json.dumps({"timestamp": utc(time.time()), "log_level": "ERROR", **told})
    else:
        line = f"[ERROR] {told['errorType']}: {told['errorMessage']}"
        if told["stackTrace"]:
            line += "\nTraceback (most recent call last):\n" + "".join(told["stackTrace"])
    sys.stdout.write(as_one_event(line))
    if told["errorMessage"].endswith("No module named 'boto3'"):
        sys.stdout.write(
            "Sluice: boto3 is not installed for this interpreter. Put it into the package or a "
            "layer, or install it on the server, for example with: apt install python3-boto3\n"
        )


# ---- What is done when a module is imported


class AfterImport:
    """Finds modules as Python does, and takes a step after the one that was waited for."""

    def __init__(self, steps):
        self.steps = {}
        for name, step in steps.items():
            if name in sys.modules:
                step(sys.modules[name])
            else:
                self.steps[name] = step

    def find_spec(self, name, path=None, target=None):
        if name not in self.steps:
            return None
        step = self.steps.pop(name)
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                run = spec.loader.exec_module

                def run_then_step(module):
                    run(module)
                    step(module)

                spec.loader.exec_module = run_then_step
                return spec
        self.steps[name] = step
        return None


def set_up_logging(logging):
    class Handler(logging.Handler):
        def emit(self, record):
            try:
                sys.stdout.write(as_one_event(self.format(record)))
            except Exception:
                self.handleError(record)

    class Text(logging.Formatter):
        def format(self, record):
            text = super().format(record)
            return f"[{record.levelname}]\t{utc(record.created)}\t{request_id or ''}\t{text}"

    class Json(logging.Formatter):
        usual = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

        def format(self, record):
            shown = {
                "timestamp": utc(record.created),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info and record.exc_info[0]:
                kind, error, trace = record.exc_info
                import traceback

                shown["stackTrace"] = traceback.format_list(traceback.extract_tb(trace))
                shown["errorType"], shown["errorMessage"] = kind.__name__, str(error)
                shown["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
            if request_id:
                shown["requestId"] = request_id
            for name, value in vars(record).items():
                if name not in self.usual and name not in shown:
                    shown[name] = value
            return json.dumps(shown, default=str, ensure_ascii=False)

    handler, root = Handler(), logging.getLogger()
    handler.setFormatter(Json() if LOGS_JSON else Text())
    root.addHandler(handler)
    if LOGS_JSON:
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        root.setLevel({"TRACE": 5, "FATAL": logging.CRITICAL}.get(level, level))


def teach_endpoint(session):
    """botocore knows AWS_ENDPOINT_URL since 1.31. An older one is given the endpoint here, for each
    client that asks for none, by the rules of the newer ones."""
    import botocore

    if tuple(int(part) for part in botocore.__version__.split(".")[:2]) >= (1, 31):
        return
    create = session.Session.create_client
    single = any(name.startswith("AWS_ENDPOINT_URL_") for name in os.environ)

    def create_client(self, service_name, *args, **settings):
        # endpoint_url is the sixth argument of create_client.
        given = len(args) > 4 or settings.get("endpoint_url") is not None
        ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        if not given and not ignored:
            wanted = None
            if single:
                service = self.get_service_model(service_name).service_id
                wanted = os.environ.get("AWS_ENDPOINT_URL_" + service.upper().replace(" ", "_"))
            settings["endpoint_url"] = wanted or os.environ.get("AWS_ENDPOINT_URL")
        return create(self, service_name, *args, **settings)

    session.Session.create_client = create_client


# ---- The handler


def load(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    from importlib import import_module

    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {e}")
    except SyntaxError as e:
        where = f'  File "{e.filename}" Line {e.lineno}\n    {e.text}'
        raise Fault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {e}", [where]
        )
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        ) from None


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, given):
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")


class Client:
    __slots__ = (
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )

    def __init__(self, given):
        for name in self.__slots__:
            setattr(self, name, given.get(name))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, given):
        self.custom, self.env = given.get("custom"), given.get("env")
        client = given.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    def __init__(self, headers):
        def parsed(header, make):
            try:
                given = json.loads(headers[header])
            except (KeyError, ValueError):
                return None
            return make(given) if isinstance(given, dict) else None

        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = parsed("lambda-runtime-client-context", ClientContext)
        self.identity = parsed("lambda-runtime-cognito-identity", CognitoIdentity)
        if self.identity is None:
            self.identity = CognitoIdentity({})
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, text):
        sys.stdout.write(str(text))

    def __repr__(self):
        shown = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if k[0] != "_")
        return f"LambdaContext([{shown}])"


class Encoder(json.JSONEncoder):
    def default(self, value):
        decimal = sys.modules.get("decimal")
        if decimal and isinstance(value, decimal.Decimal):
            return float(value)
        return super().default(value)


encoder = Encoder(ensure_ascii=sys.version_info < (3, 12))


def run_one(handler, headers, event):
    """The answer of one invocation: what to post to it, and the body."""
    try:
        try:
            event = json.loads(event)
        except ValueError as e:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {e}") from None
        result = handler(event, LambdaContext(headers))
        try:
            return "response", encoder.encode(result).encode(), None
        except Exception as e:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {e}") from None
    except Exception as e:
        told = described(e)
        log_error(told)
        return "error", json.dumps(told).encode(), told["errorType"]


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # the function has closed or replaced it
            pass


def main():
    global request_id
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    task = os.environ["LAMBDA_TASK_ROOT"]
    first = [task, f"/opt/python/lib/{PYTHON}/site-packages", "/opt/python"]
    sys.path[:] = first + [path for path in sys.path if path not in first]
    if SYSTEM_PACKAGES not in sys.path and os.path.isdir(SYSTEM_PACKAGES):
        sys.path.append(SYSTEM_PACKAGES)  # boto3 of the system, for another interpreter
    sys.meta_path.insert(
        0, AfterImport({"logging": set_up_logging, "botocore.session": teach_endpoint})
    )
    api = Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as e:
        told = described(e)
        log_error(told)
        flush()
        api.call("POST", "init/error", json.dumps(told).encode(), told["errorType"])
        sys.exit(1)
    while True:
        status, headers, event = api.call("GET", "invocation/next")
        if status != 200:
            sys.exit(1)
        request_id = headers["lambda-runtime-aws-request-id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        what, body, error_type = run_one(handler, headers, event)
        flush()
        try:
            status = api.call("POST", f"invocation/{request_id}/{what}", body, error_type)[0]
        except OSError:
            status = 413  # the connection was closed while the body was on its way
        if status != 202:
            sys.stdout.write(
                f"[ERROR] [{utc(time.time())}] LAMBDA_RUNTIME Failed to post handler "
                f"{'success' if what == 'response' else 'error'} response. "
                f"Http response code: {status}.\n"
            )
        request_id = None


main()
