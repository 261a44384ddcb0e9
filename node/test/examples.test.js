'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const folder = path.join(__dirname, '..', 'examples')
const EXPECTED = {
  'cancel.js': [/^aborted$/m, /^no longer wanted$/m, /^net::ERR_CONNECTION_REFUSED connect$/m],
  'client_request.js': [/^STATUS: 200$/m, /^BODY: POST \/upload/m, /^No more data in response\.$/m],
  'cookies.js': [/^theme inserted$/m, /^visited inserted$/m, /^theme=dark$/m, /^visited=yes$/m],
  'get.js': [/^200 GET \/hello$/m],
  'manual_redirect.js': [/^302 GET http:.*\/to$/m, /^200 http:.*\/to$/m],
  'post_streaming.js': [/bytes sent$/m, /one, two, three/],
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

test('a program as it is written for Electron runs with another module behind its require', async (t) => {
  const child = require('node:child_process').fork(path.join(__dirname, 'server_process.js'))
  t.after(() => child.kill())
  const [port] = await require('node:events').once(child, 'message')
  const output = run(['-e', `
    const { app, net, session } = require('electron')
    app.whenReady().then(() => {
      const request = net.request({ method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port: ${port}, path: '/', useSessionCookies: true })
      request.on('login', (authInfo, callback) => callback('username', 'password'))
      request.on('response', (response) => {
        console.log('STATUS: ' + response.statusCode)
        response.on('data', (chunk) => console.log('BODY: ' + chunk))
        response.on('end', () => {
          console.log('No more data in response.')
          session.defaultSession.cookies.get({ url: 'http://127.0.0.1:${port}/' })
            .then((cookies) => { console.log(cookies[0].name); app.quit() })
            .catch((error) => console.log(error))
        })
      })
      request.end()
    })`], 'electron')
  assert.strictEqual(output, 'STATUS: 200\nBODY: from the server\nNo more data in response.\na\n')
})
