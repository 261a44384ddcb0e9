'use strict'
// An authority of the tests' own, with certificates for 127.0.0.1 and for a name elsewhere.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const https = require('node:https')
const { spawnSync } = require('node:child_process')
const { listen } = require('./support.js')

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A folder with `ca`, `leaf` and `other`, each `.pem` and `.key`; and openssl in it. */
function authority (test) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-tls-'))
  test.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const openssl = (...words) => {
    const { status, stderr } = spawnSync('openssl', words, { cwd: folder, encoding: 'utf8' })
    assert.strictEqual(status, 0, stderr)
  }
  openssl('req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=A Test Authority', '-keyout', 'ca.key', '-out', 'ca.pem',
    '-addext', 'basicConstraints=critical,CA:TRUE')
  for (const [name, alternative] of [['leaf', 'IP:127.0.0.1'], ['other', 'DNS:elsewhere.example']]) {
    fs.writeFileSync(path.join(folder, `${name}.ext`), `subjectAltName=${alternative}\nbasicConstraints=CA:FALSE\n`)
    openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
      '-extfile', `${name}.ext`, '-out', `${name}.pem`)
  }
  return { folder, openssl }
}

/** A server over TLS that shows the certificate `name`. */
function secureServer (t, folder, name, handler, options) {
  const read = (suffix) => fs.readFileSync(path.join(folder, `${name}.${suffix}`))
  return listen(t, https.createServer({ key: read('key'), cert: read('pem'), ...options }, handler), 'https')
}

module.exports = { authority, secureServer }
