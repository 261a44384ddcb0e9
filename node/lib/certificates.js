'use strict'
// Certificates as Electron shows them, and the questions about them: whether a server's is good
// (`setCertificateVerifyProc`) and which of the client's own to show (`select-client-certificate`).

const { createHash, X509Certificate } = require('node:crypto')
// Before a certificate is read: Node 20 leaves its own `tls` without half of its functions otherwise.
require('node:tls')
const fs = require('node:fs/promises')
const native = require('./native.js')

const { environment } = native

const FAILED = -2
const KEEP_VERDICT = -3

/** Puts the questions of a session to `procedure`, which may be replaced; of several answers the first counts. */
class Verifier {
  procedure = null
  id = native.register(this)

  onChanged (record) {
    const [number, hostname, verificationResult, errorCode, known, ...chain] = record.split('\0')
    const answer = (verdict) => environment.answerVerdict(Number(number), verdict)
    if (this.procedure === null) return answer(KEEP_VERDICT)
    const callback = (verdict) => {
      if (Number.isInteger(verdict) && Math.abs(verdict) < 2 ** 31) return answer(verdict)
      answer(FAILED)
      throw new TypeError('Must pass an integer as the result of the verification')
    }
    try {
      const certificate = certificateOf(chain.slice(0, -1))
      const { procedure } = this
      procedure({
        hostname,
        certificate,
        validatedCertificate: certificate,
        isIssuedByKnownRoot: known === '1',
        verificationResult,
        errorCode: Number(errorCode)
      }, callback)
    } catch (error) {
      // Nobody else would answer, and what could not be judged is not trusted.
      answer(FAILED)
      throw error
    }
  }
}

// What `importCertificate` has brought, each in the place that the addon knows it by.
const identities = []
let chooser

/**
 * Adds a certificate with its key: a file of PKCS #12 with its password, or of PEM. Gives whether it
 * could be read.
 */
async function importIdentity (file, password) {
  let chain
  try {
    const parts = environment.importIdentity(await fs.readFile(file), password).split('\0')
    chain = parts.slice(1, -1)
  } catch {
    return false
  }
  identities.push(certificateOf(chain))
  return true
}

/** Has servers of `session` that ask for a certificate be a question to `app`, where there are any. */
function choose (session, app) {
  if (identities.length === 0) return
  chooser ??= native.register({ onChanged: (record) => select(record, app) })
  environment.selectIdentity(session, chooser)
}

/** Electron shows the first one, unless the event is prevented; then `callback` says which. */
function select (record, app) {
  const [number, hostname, port, ...places] = record.split('\0')
  const list = places.slice(0, -1).map((place) => identities[place])
    .sort((a, b) => isValid(b) - isValid(a) || b.validExpiry - a.validExpiry)
  const answer = (certificate) => environment.answerIdentity(Number(number), certificate && identities.indexOf(certificate))
  const event = {
    defaultPrevented: false,
    preventDefault () {
      this.defaultPrevented = true
    }
  }
  const callback = (certificate) => {
    if (certificate == null) return answer()
    const known = list.find(({ data }) => data === certificate.data)
    if (known === undefined) throw new TypeError('Must pass valid certificate object.')
    answer(known)
  }
  try {
    app.emit('select-client-certificate', event, null, `https://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`, list, callback)
  } catch (error) {
    // Nobody else would answer.
    answer()
    throw error
  }
  if (!event.defaultPrevented) answer(list[0])
}

function isValid ({ validStart, validExpiry }) {
  const now = Date.now() / 1000
  return validStart <= now && now < validExpiry ? 1 : 0
}

/** A chain as the server sent it, its own certificate first. What cannot be read has its bytes alone. */
function certificateOf (chain) {
  let issuerCert
  for (const text of [...chain].reverse()) {
    const der = Buffer.from(text, 'hex')
    const read = reading(der)
    const [issuer, subject] = [principal(read?.issuer), principal(read?.subject)]
    issuerCert = {
      data: `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`,
      issuer,
      issuerName: issuer.commonName || issuer.organizations[0] || '',
      issuerCert,
      subject,
      subjectName: subject.commonName || subject.organizations[0] || '',
      serialNumber: read?.serialNumber ?? '',
      validStart: read ? Date.parse(read.valid_from) / 1000 : 0,
      validExpiry: read ? Date.parse(read.valid_to) / 1000 : 0,
      fingerprint: `sha256/${createHash('sha256').update(der).digest('base64')}`
    }
  }
  return issuerCert
}

/** Node's own view of a certificate; a server may send what is none. */
function reading (der) {
  try {
    return new X509Certificate(der).toLegacyObject()
  } catch {
    return undefined
  }
}

/** Node gives a name as `{ CN: … }`, several of one kind as an array. */
function principal (name) {
  const all = (key) => [name?.[key] ?? []].flat()
  const first = (key) => all(key)[0] ?? ''
  return {
    commonName: first('CN'),
    organizations: all('O'),
    organizationUnits: all('OU'),
    locality: first('L'),
    state: first('ST'),
    country: first('C')
  }
}

module.exports = { Verifier, importIdentity, choose }
