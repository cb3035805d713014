// SPDX-License-Identifier: Apache-2.0
// Sluice's runtime client for Node.js: /var/runtime/index.mjs of a function's sandbox.
//
// It loads the handler, takes invocations from the Runtime API one after the other, and reports what
// became of them in AWS's words. Source: Lambda Developer Guide, "Using the Lambda runtime API",
// "Define Lambda function handler in Node.js", "Node.js context object", "Node.js logging".
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const env = process.env;
const LOGS_JSON = env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const LOWEST = LOGS_JSON ? Math.max(LEVELS.indexOf(env.AWS_LAMBDA_LOG_LEVEL ?? 'INFO'), 0) : 0;
// nodejs24.x has no handlers with callbacks any more, and none of what belongs to them.
const HAS_CALLBACKS = Number(/nodejs(\d+)/.exec(env.AWS_EXECUTION_ENV ?? '')?.[1] ?? 0) < 24;
let requestId;  // of the invocation that runs

// ---- The Runtime API, over one kept connection

const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, target, body, errorType) {
  return new Promise((resolve, reject) => {
    const headers = {};
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(body);
    }
    if (errorType) headers['Lambda-Runtime-Function-Error-Type'] = errorType.replace(/[^ -~]/g, '?');
    const request = http.request(
      { agent, host, port, method, path: '/2018-06-01/runtime/' + target, headers }, (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('error', reject);
        answer.on('end', () => resolve({
          status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces).toString(),
        }));
      });
    request.on('error', reject);
    request.end(body);
  });
}

// ---- Logging

// The pipe is written at once, so that what was logged before the process ends is not lost.
function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function errorShown(error, stack) {
  return {
    errorType: error?.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    [stack]: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  };
}

function log(level, args) {
  if (LEVELS.indexOf(level) < LOWEST) return;
  const time = new Date().toISOString();
  if (!LOGS_JSON) {
    const text = util.format(...args);
    // Metrics in a line (EMF) are read when the line is nothing but their JSON.
    const bare = text.startsWith('{') && text.includes('"_aws"');
    write((bare ? text : `${time}\t${requestId}\t${level}\t${text}`).replace(/\n/g, '\r') + '\n');
    return;
  }
  const line = { timestamp: time, level, requestId };
  const withErrors = (key, value) =>
    value instanceof Error ? errorShown(value, 'stackTrace') :
    typeof value === 'bigint' ? value.toString() : value;
  if (args.length === 1 && typeof args[0] === 'object') {
    line.message = args[0];
    try {
      write(JSON.stringify(line, withErrors) + '\n');
      return;
    } catch { /* it holds itself: told as text */ }
  }
  line.message = util.format(...args);
  const error = args.find((one) => one instanceof Error);
  if (error) Object.assign(line, errorShown(error, 'stackTrace'));
  write(JSON.stringify(line) + '\n');
}

for (const [method, level] of Object.entries(
  { trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR',
    fatal: 'FATAL' }))
  console[method] = (...args) => log(level, args);

// ---- Errors

class Fault extends Error {
  constructor(type, message, stack) {
    super(message);
    this.name = type;
    if (stack) this.stack = stack;
  }
}
const isError = (value) => util.types.isNativeError(value) || value instanceof Error;

// What AWS answers for what was thrown.
function described(error) {
  if (!isError(error))
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return {
    errorType: String(error.name), errorMessage: String(error.message),
    trace: String(error.stack).split('\n'),
  };
}

function logError(kind, error) {
  if (LOGS_JSON) {
    log('ERROR', [isError(error) ? { ...described(error), trace: undefined,
      stackTrace: described(error).trace } : error]);
    return;
  }
  const { errorType, errorMessage, trace } = described(error);
  const more = isError(error) ? { ...error, name: undefined } : {};
  let text;
  try {
    text = JSON.stringify({ errorType, errorMessage, ...more, stack: trace });
  } catch {
    text = JSON.stringify({ errorType, errorMessage, stack: trace });
  }
  log('ERROR', [`${kind} \t${text}`]);
}

// The end of the process: nothing can be relied on after an error that nobody took.
async function die(kind, error, code) {
  logError(kind, error);
  const told = described(error);
  const target = requestId ? `invocation/${requestId}/error` : 'init/error';
  try {
    await call('POST', target, JSON.stringify(told), told.errorType);
  } finally {
    process.exit(code);
  }
}
process.on('uncaughtException', (error) => { die('Uncaught Exception', error, 129); });
process.on('unhandledRejection', (reason) => {
  const error = new Fault('Runtime.UnhandledPromiseRejection', String(reason),
    isError(reason) ? reason.stack : undefined);
  error.reason = reason;
  die('Unhandled Promise Rejection', error, 128);
});
// The first process of a sandbox is ended by no signal that it does not take.
process.on('SIGTERM', () => { if (process.listenerCount('SIGTERM') === 1) process.exit(143); });

// ---- The handler

globalThis.awslambda = {
  streamifyResponse() {
    throw new Error('Response streaming is not implemented by Sluice. Return the whole response.');
  },
};

function isModule(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (fs.existsSync(manifest)) {
      try {
        return JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (folder === path.dirname(folder) || path.basename(folder) === 'node_modules') return false;
  }
}

async function loadModule(root, folder, name) {
  const require = createRequire(import.meta.url);
  const base = path.resolve(root, folder, name);
  const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile();
  if (isFile(base)) return require(base);
  if (isFile(base + '.js'))
    return isModule(base + '.js') ? import(pathToFileURL(base + '.js')) : require(base + '.js');
  if (isFile(base + '.mjs')) return import(pathToFileURL(base + '.mjs'));
  if (isFile(base + '.cjs')) return require(base + '.cjs');
  return require(require.resolve(name, { paths: [path.resolve(root, folder)] }));
}

async function load(root, wanted) {
  if (wanted.includes('..'))
    throw new Fault('Runtime.MalformedHandlerName', `'${wanted}' is not a valid handler name. ` +
      'Use absolute paths when specifying root directories in handler names.');
  const [, name, nested] = /^([^.]*)\.(.*)$/.exec(path.basename(wanted)) ?? [];
  if (nested === undefined) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  let found;
  try {
    found = await loadModule(root, wanted.slice(0, wanted.length - path.basename(wanted).length), name);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new Fault('Runtime.UserCodeSyntaxError', String(error), error.stack);
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND')
      throw new Fault('Runtime.ImportModuleError', String(error), error.stack);
    throw error;
  }
  const handler = nested.split('.').reduce((object, key) => object?.[key],
    found?.[nested.split('.')[0]] === undefined && found?.default ? found.default : found);
  if (!handler)
    throw new Fault('Runtime.HandlerNotFound', `${wanted} is undefined or not exported`);
  if (typeof handler !== 'function')
    throw new Fault('Runtime.HandlerNotFound', `${wanted} is not a function`);
  if (!HAS_CALLBACKS && handler.length >= 3)
    throw new Fault('Runtime.CallbackHandlerDeprecated', 'nodejs24.x and later take no handlers ' +
      'with a callback. Make the handler an async function.');
  return handler;
}

function contextOf(headers) {
  const parsed = (header) => {
    try {
      return JSON.parse(headers[header]);
    } catch {
      return undefined;
    }
  };
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    identity: parsed('lambda-runtime-cognito-identity'),
    clientContext: parsed('lambda-runtime-client-context'),
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

let whenLoopIsEmpty;  // what is to be done when the function has nothing more to do
process.on('beforeExit', () => { setImmediate(() => whenLoopIsEmpty?.()); });

// The handler's result, whichever way it gives it: as a promise, by its callback, by
// context.succeed, fail or done, or not at all.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    whenLoopIsEmpty = () => resolve(null);
    const done = (error, result) => (error ? reject(error) : resolve(result));
    const callback = (error, result) => {
      if (!context.callbackWaitsForEmptyEventLoop) return done(error, result);
      whenLoopIsEmpty = () => done(error, result);
    };
    if (HAS_CALLBACKS) {
      context.callbackWaitsForEmptyEventLoop = true;
      context.done = done;
      context.succeed = (result) => done(null, result);
      context.fail = (error) => done(error ?? 'handled');
    }
    const returned = HAS_CALLBACKS ? handler(event, context, callback) : handler(event, context);
    if (typeof returned?.then === 'function') returned.then(resolve, reject);
    else if (!HAS_CALLBACKS) resolve(returned);
  });
}

function serialized(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

async function runOne(handler, { headers, body }) {
  requestId = headers['lambda-runtime-aws-request-id'];
  env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  let what = 'response', answer, errorType;
  try {
    answer = serialized(await run(handler, JSON.parse(body), contextOf(headers)));
  } catch (error) {
    logError('Invoke Error', error);
    const told = described(error);
    [what, answer, errorType] = ['error', JSON.stringify(told), told.errorType];
  }
  whenLoopIsEmpty = undefined;
  const { status } = await call('POST', `invocation/${requestId}/${what}`, answer, errorType)
    .catch(() => ({ status: 413 }));  // the connection was closed while the body was on its way
  if (status !== 202)
    log('ERROR', [`LAMBDA_RUNTIME Failed to post handler response. Http response code: ${status}.`]);
  requestId = undefined;
}

let handler;
try {
  handler = await load(env.LAMBDA_TASK_ROOT, env._HANDLER);
} catch (error) {
  if (/Cannot find (module|package) '(@aws-sdk\/|aws-sdk)/.test(String(error?.message)))
    write('Sluice: the AWS SDK for JavaScript is no part of this runtime. Put it into the package ' +
      'or a layer.\n');
  await die('Uncaught Exception', error, 1);
}
for (;;) {
  const next = await call('GET', 'invocation/next');
  if (next.status !== 200) process.exit(1);
  await runOne(handler, next);
}
