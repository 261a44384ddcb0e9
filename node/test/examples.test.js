'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { fork, spawnSync } = require('node:child_process')

const folder = path.join(__dirname, '..', 'examples')
const EXPECTED = {
  'cancel.js': [/^aborted$/m, /^no longer wanted$/m, /^net::ERR_CONNECTION_REFUSED connect$/m],
  'client_request.js': [/^STATUS: 200$/m, /^BODY: POST \/upload/m, /^No more data in response\.$/m],
  'cookies.js': [/^theme inserted$/m, /^visited inserted$/m, /^theme=dark$/m, /^visited=yes$/m],
  'download_to_file.js': [/^1048576 bytes in the file$/m],
  'get.js': [/^200 GET \/hello$/m],
  'manual_redirect.js': [/^302 GET http:.*\/to$/m, /^200 http:.*\/to$/m],
  'post_streaming.js': [/bytes sent$/m, /one, two, three/],
  'upload_progress.js': [/^4194304 of 4194304 bytes$/m, /^done: true$/m],
  'timing.js': [/^connect: [\d.]+ ms$/m, /^receive: [\d.]+ ms$/m, /^127\.0\.0\.1 http\/1\.1$/m]
}

/** Runs a program that requires `name` as if it were installed. */
function run (program, name) {
  const resolving = `
    const loader = require('node:module')
    const resolve = loader._resolveFilename
    loader._resolveFilename = (name, ...rest) => name === '${name}' ? ${JSON.stringify(require.resolve('..'))} : resolve(name, ...rest)`
  // Of its own, so that no cookie of another program is there.
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-example-'))
  const preload = path.join(data, 'resolve.js')
  fs.writeFileSync(preload, resolving)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', preload, ...program], {
    encoding: 'utf8', timeout: 60000, env: { ...process.env, NETREQ_DATA_DIR: data }
  })
  fs.rmSync(data, { recursive: true, force: true })
  assert.strictEqual(status, 0, stderr)
  return stdout
}

for (const name of fs.readdirSync(folder).filter((name) => name !== 'server.js')) {
  test(`the example ${name} does what it says`, () => {
    const output = run([path.join(folder, name)], 'netreq')
    for (const pattern of EXPECTED[name]) assert.match(output, pattern)
  })
}

const PROGRAMS = {
  'net.js': [
    'ONLINE: boolean boolean', 'STATUS: 200', 'BODY: from the server', 'No more data in response.',
    'FETCH: true from the server', 'LOCALHOST: true'
  ],
  'client_request.js': [
    'HEADER: yes', 'WRITTEN', 'FINISH', 'BODY: some bytes', 'PROGRESS: true true', 'CLOSE',
    'REDIRECT: 302 GET /', 'STATUS: 200', 'UNANSWERED: 401', 'ABORT'
  ],
  'incoming_message.js': [
    'STATUS: 200 OK', 'VERSION: 1.1 1 1', 'HEADERS: ["a=b"]', 'RAW: true', 'BODY: from the server', 'END'
  ],
  'session.js': [
    'CREATED: true', 'CREATED: true', 'SAME: true true', 'PERSISTENT: true true', 'AGENT: a program',
    'COOKIES: 0', 'COOKIES: 1'
  ],
  'cookies.js': [
    'CHANGED: dummy_name inserted false', 'FOUND: dummy_name=dummy true false',
    'CHANGED: dummy_name explicit true', 'LEFT: 0'
  ]
}

for (const [name, expected] of Object.entries(PROGRAMS)) {
  test(`the program ${name} runs as it is written for Electron, with another module behind its require`, async (t) => {
    const child = fork(path.join(__dirname, 'electron', 'server.js'))
    t.after(() => child.kill())
    const [port] = await once(child, 'message')
    const output = run([path.join(__dirname, 'electron', name), `http://127.0.0.1:${port}/`], 'electron')
    // A chunked body comes back in as many pieces as the network makes of it.
    const lines = output.trim().replaceAll('some \nBODY: ', 'some ').split('\n')
    assert.deepStrictEqual(lines, expected)
  })
}
