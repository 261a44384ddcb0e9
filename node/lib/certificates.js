'use strict'
// Certificates as Electron shows them, and the question that `setCertificateVerifyProc` is asked.

const { X509Certificate } = require('node:crypto')
const { environment } = require('./native.js')

const KEEP_VERDICT = -3

/** The exchange that puts each question to `procedure`; of several answers the first counts. */
function asking (procedure) {
  return {
    onChanged (record) {
      const [number, hostname, verificationResult, errorCode, known, ...chain] = record.split('\0')
      const answer = (verdict) => environment.answerVerdict(Number(number), verdict | 0)
      try {
        const certificate = certificateOf(chain.slice(0, -1))
        procedure({
          hostname,
          certificate,
          validatedCertificate: certificate,
          isIssuedByKnownRoot: known === '1',
          verificationResult,
          errorCode: Number(errorCode)
        }, answer)
      } catch (error) {
        // Nobody else would answer.
        answer(KEEP_VERDICT)
        throw error
      }
    }
  }
}

/** A chain as the server sent it, its own certificate first. */
function certificateOf (chain) {
  let issuerCert
  for (const text of chain.toReversed?.() ?? [...chain].reverse()) {
    const der = Buffer.from(text, 'hex')
    const read = new X509Certificate(der)
    const [issuer, subject] = [principal(read.issuer), principal(read.subject)]
    issuerCert = {
      data: read.toString(),
      issuer,
      issuerName: issuer.commonName || issuer.organizations[0] || '',
      issuerCert,
      subject,
      subjectName: subject.commonName || subject.organizations[0] || '',
      serialNumber: read.serialNumber,
      validStart: Date.parse(read.validFrom) / 1000,
      validExpiry: Date.parse(read.validTo) / 1000,
      fingerprint: `sha256/${Buffer.from(read.fingerprint256.replaceAll(':', ''), 'hex').toString('base64')}`
    }
  }
  return issuerCert
}

/** Node gives a name as lines of `CN=…`. */
function principal (lines) {
  const all = (key) => (lines ?? '').split('\n').filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1))
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

module.exports = { asking }
