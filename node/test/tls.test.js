'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const https = require('node:https')
const http2 = require('node:http2')
const { execFile, spawnSync } = require('node:child_process')
const { promisify } = require('node:util')
const { X509Certificate } = require('node:crypto')
const { authority, secureServer } = require('./certificates.js')

const { folder, openssl } = authority(test)
// As Node itself is told of a private authority; read when a session is first used.
process.env.NODE_EXTRA_CA_CERTS = path.join(folder, 'ca.pem')
const { app, net, session } = require('..')
session.fromPartition('trusting')
delete process.env.NODE_EXTRA_CA_CERTS
session.fromPartition('not trusting')
const { listen, fetched, respond, once } = require('./support.js')

const secure = (t, name, handler = (request, response) => response.end('secret')) => secureServer(t, folder, name, handler)

test('https works with an authority of NODE_EXTRA_CA_CERTS', async (t) => {
  const url = await secure(t, 'leaf')
  const response = await fetched({ url, partition: 'trusting' })
  assert.strictEqual(response.body, 'secret')
  assert.ok(response.timing.tls.end > 0)
  const again = await fetched({ url, partition: 'trusting' })
  assert.deepStrictEqual([again.connectionReused, again.timing.tls], [true, null])
})

test('an unknown authority is net::ERR_CERT_AUTHORITY_INVALID, another name net::ERR_CERT_COMMON_NAME_INVALID', async (t) => {
  await assert.rejects(respond(net.request({ url: await secure(t, 'leaf'), partition: 'not trusting' })),
    { message: 'net::ERR_CERT_AUTHORITY_INVALID', errno: -202, phase: 'tls' })
  await assert.rejects(respond(net.request({ url: await secure(t, 'other'), partition: 'trusting' })),
    { message: 'net::ERR_CERT_COMMON_NAME_INVALID', errno: -200, phase: 'tls' })
})

test('a server that speaks no TLS fails in the handshake', async (t) => {
  const plain = await listen(t, require('node:http').createServer())
  await assert.rejects(respond(net.request({ url: plain.replace('http', 'https'), partition: 'trusting' })), { phase: 'tls' })
})

test('a 1 MiB upload over TLS arrives whole', async (t) => {
  let length = 0
  const url = await secure(t, 'leaf', (request, response) => {
    request.on('data', (part) => { length += part.length })
    request.on('end', () => response.end())
  })
  await fetched({ method: 'POST', url, partition: 'trusting' }, Buffer.alloc(1024 * 1024))
  assert.strictEqual(length, 1024 * 1024)
})

test('setCertificateVerifyProc has the last word: 0 accepts, -2 refuses, -3 and null leave it to the engine', async (t) => {
  const url = await secure(t, 'leaf')
  const here = session.fromPartition('verify')
  const invalid = { message: 'net::ERR_CERT_AUTHORITY_INVALID' }
  const get = () => respond(net.request({ url, session: here })).then((response) => { response.resume(); return response.statusCode })
  let asked
  for (const [answer, expected] of [[0, 200], [-2, { message: 'net::ERR_FAILED' }], [-3, invalid]]) {
    here.setCertificateVerifyProc((request, callback) => {
      asked = request
      callback(answer)
      callback(-2)
    })
    if (expected === 200) assert.strictEqual(await get(), 200)
    else await assert.rejects(get(), expected)
    assert.deepStrictEqual(
      [asked.hostname, asked.verificationResult, asked.errorCode, asked.isIssuedByKnownRoot, asked.certificate.subjectName, asked.certificate.issuerName],
      ['127.0.0.1', 'net::ERR_CERT_AUTHORITY_INVALID', -202, false, 'leaf', 'A Test Authority']
    )
    assert.strictEqual(asked.certificate.issuer.commonName, 'A Test Authority')
    assert.strictEqual(asked.certificate.issuerCert, undefined)
  }
  // Another certificate error is the request's, and what is no integer is never trust.
  here.setCertificateVerifyProc((request, callback) => callback(-201))
  await assert.rejects(get(), { message: 'net::ERR_CERT_DATE_INVALID' })
  for (const answer of [[], [null], ['0'], [{}], [0.5], [NaN], [false], [2 ** 32]]) {
    let thrown
    here.setCertificateVerifyProc((request, callback) => {
      try {
        callback(...answer)
      } catch (error) {
        thrown = error
      }
    })
    await assert.rejects(get(), { message: 'net::ERR_FAILED' })
    assert.ok(thrown instanceof TypeError, String(answer))
  }
  here.setCertificateVerifyProc(null)
  await assert.rejects(get(), invalid)
  assert.throws(() => here.setCertificateVerifyProc('no'), { message: 'Must pass null or function' })
})

test('when a worker that judged certificates ends, the main thread does again', async (t) => {
  const { Worker } = require('node:worker_threads')
  const url = await secure(t, 'leaf')
  const here = session.fromPartition('shared verdicts')
  here.setCertificateVerifyProc((request, callback) => callback(-2))
  const get = () => respond(net.request({ url, session: here })).then((response) => { response.resume(); return response.statusCode })
  await assert.rejects(get(), { message: 'net::ERR_FAILED' })
  const worker = new Worker(`
    const { session } = require(${JSON.stringify(require.resolve('..'))})
    session.fromPartition('shared verdicts').setCertificateVerifyProc((request, callback) => callback(0))
    require('node:worker_threads').parentPort.once('message', () => {}).postMessage('set')
  `, { eval: true })
  await once(worker, 'message')
  assert.strictEqual(await get(), 200)
  await worker.terminate()
  await assert.rejects(get(), { message: 'net::ERR_FAILED' })
  here.setCertificateVerifyProc(null)
  await assert.rejects(get(), { message: 'net::ERR_CERT_AUTHORITY_INVALID' })
})

test('a server that a worker was judging when it ended is judged by the thread before', async (t) => {
  const { Worker } = require('node:worker_threads')
  const url = await secure(t, 'leaf')
  const here = session.fromPartition('trusting')
  let asked = 0
  here.setCertificateVerifyProc((request, callback) => {
    asked++
    callback(-201)
  })
  const worker = new Worker(`
    const { session } = require(${JSON.stringify(require.resolve('..'))})
    const { parentPort } = require('node:worker_threads')
    session.fromPartition('trusting').setCertificateVerifyProc(() => parentPort.postMessage('asked'))
    parentPort.once('message', () => {}).postMessage('set')
  `, { eval: true })
  await once(worker, 'message')
  const answered = assert.rejects(respond(net.request({ url, session: here })), { message: 'net::ERR_CERT_DATE_INVALID' })
  await once(worker, 'message')
  await worker.terminate()
  await answered
  assert.strictEqual(asked, 1)
  here.setCertificateVerifyProc(null)
  assert.strictEqual((await fetched({ url, session: here })).statusCode, 200)
})

test('a chain with something in it that is no certificate is asked about all the same', () => {
  const { Verifier } = require('../lib/certificates.js')
  const leaf = new X509Certificate(fs.readFileSync(path.join(folder, 'leaf.pem')))
  const verifier = new Verifier()
  let asked
  verifier.procedure = (request) => { asked = request }
  // As `src/verdicts.rs` writes it.
  verifier.onChanged(['0', 'a.test', 'net::OK', '0', '', leaf.raw.toString('hex'), '3003020105', ''].join('\0'))
  const { certificate } = asked
  assert.deepStrictEqual([certificate.subjectName, certificate.data, certificate.issuerCert.subjectName], ['leaf', leaf.toString(), ''])
  assert.strictEqual(certificate.issuerCert.data, '-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n')
})

test('a procedure that throws refuses', async (t) => {
  const url = await secure(t, 'leaf')
  const script = `
    process.env.NODE_EXTRA_CA_CERTS = ${JSON.stringify(path.join(folder, 'ca.pem'))}
    const { net, session } = require(${JSON.stringify(require.resolve('..'))})
    process.on('uncaughtException', ({ message }) => console.log(message))
    session.defaultSession.setCertificateVerifyProc(() => { throw new Error('thrown') })
    const request = net.request('${url}')
    request.on('response', () => console.log('trusted')).on('error', ({ message }) => console.log(message)).end()`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
  assert.strictEqual(stdout, 'thrown\nnet::ERR_FAILED\n')
})

test('reading certificates leaves the tls of Node whole', () => {
  const script = `
    const { app } = require(${JSON.stringify(require.resolve('..'))})
    app.importCertificate({ certificate: ${JSON.stringify(path.join(folder, 'both.pem'))} }, (code) => console.log(code, typeof require('tls').createSecureContext))`
  fs.writeFileSync(path.join(folder, 'both.pem'), fs.readFileSync(path.join(folder, 'leaf.pem')) + fs.readFileSync(path.join(folder, 'leaf.key')))
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  assert.strictEqual(stdout, '0 function\n')
})

test('names of a certificate are as they are written in it', () => {
  const { Verifier } = require('../lib/certificates.js')
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-utf8',
    '-subj', '/O=Acme, Inc.\\/ é/O=Second/CN=a "b"', '-keyout', 'names.key', '-out', 'names.pem')
  const { raw } = new X509Certificate(fs.readFileSync(path.join(folder, 'names.pem')))
  const verifier = new Verifier()
  let asked
  verifier.procedure = (request) => { asked = request }
  verifier.onChanged(['0', 'a.test', 'net::OK', '0', '', raw.toString('hex'), ''].join('\0'))
  const { commonName, organizations } = asked.certificate.subject
  assert.deepStrictEqual([commonName, organizations], ['a "b"', ['Acme, Inc./ é', 'Second']])
})

test('a file of NODE_EXTRA_CA_CERTS that holds no certificates is a warning', () => {
  fs.writeFileSync(path.join(folder, 'none.pem'), 'no certificate')
  const script = `require(${JSON.stringify(require.resolve('..'))}).session.defaultSession.getUserAgent()`
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8', env: { ...process.env, NODE_EXTRA_CA_CERTS: path.join(folder, 'none.pem') }
  })
  assert.deepStrictEqual([status, stderr.match(/Ignoring extra certs from `(.*)`: no CERTIFICATE block/)?.[1]], [0, path.join(folder, 'none.pem')], stderr)
})

test('the switch ignore-certificate-errors accepts any certificate', async (t) => {
  app.commandLine.appendSwitch('ignore-certificate-errors')
  const here = session.fromPartition('careless')
  app.commandLine.removeSwitch('ignore-certificate-errors')
  assert.strictEqual((await fetched({ url: await secure(t, 'other'), session: here })).body, 'secret')
})

test('a procedure that never answers is waited for until the limit on the whole', async (t) => {
  const url = await secure(t, 'leaf')
  const here = session.fromPartition('never answered')
  here.setCertificateVerifyProc(() => {})
  await assert.rejects(fetched({ url, session: here, timeout: 100 }), { isTimeout: true })
  here.setCertificateVerifyProc((request, callback) => callback(0))
  assert.strictEqual((await fetched({ url, session: here })).body, 'secret')
})

test('a server of node:http2 is spoken to in HTTP/1.1 where it allows that', async (t) => {
  const read = (suffix) => fs.readFileSync(path.join(folder, `leaf.${suffix}`))
  const server = (allowHTTP1) => http2.createSecureServer({ key: read('key'), cert: read('pem'), allowHTTP1 },
    (request, response) => response.end(request.httpVersion))
  const response = await fetched({ url: await listen(t, server(true), 'https'), partition: 'trusting' })
  assert.deepStrictEqual([response.body, response.httpVersion], ['1.1', '1.1'])
  await assert.rejects(fetched({ url: await listen(t, server(false), 'https'), partition: 'trusting' }), { message: /^net::ERR_/ })
})

test('setSSLConfig narrows the versions', async (t) => {
  const read = (suffix) => fs.readFileSync(path.join(folder, `leaf.${suffix}`))
  const server = https.createServer({ key: read('key'), cert: read('pem'), maxVersion: 'TLSv1.2' }, (request, response) => response.end())
  const url = await listen(t, server, 'https')
  const here = session.fromPartition('trusting')
  here.setSSLConfig({ minVersion: 'tls1.3' })
  await assert.rejects(respond(net.request({ url, session: here })), { phase: 'tls' })
  here.setSSLConfig({})
  assert.strictEqual((await fetched({ url, session: here })).statusCode, 200)
  assert.throws(() => here.setSSLConfig({ minVersion: 'tls1' }), TypeError)
})

test('select-client-certificate: a server that asks is shown what the listener chooses, and nobody asks in vain', async (t) => {
  const read = (name) => fs.readFileSync(path.join(folder, name))
  const server = https.createServer({
    key: read('leaf.key'), cert: read('leaf.pem'), ca: read('ca.pem'), requestCert: true, rejectUnauthorized: false
  }, (request, response) => {
    const { authorized } = request.socket
    response.writeHead(authorized ? 200 : 401).end(authorized ? request.socket.getPeerCertificate().subject.CN : 'denied')
  })
  const url = await listen(t, server, 'https')
  const here = session.fromPartition('client')
  here.setCertificateVerifyProc((request, callback) => callback(0))
  const get = async () => {
    const { statusCode, body } = await fetched({ url, session: here })
    return `${statusCode} ${body}`
  }
  const answer = (listener) => app.removeAllListeners('select-client-certificate').on('select-client-certificate', listener)
  const bring = (certificate, password) => new Promise((resolve) => app.importCertificate({ certificate: path.join(folder, certificate), password }, resolve))
  t.after(() => app.removeAllListeners('select-client-certificate'))

  answer(() => assert.fail('there is nothing to choose from'))
  assert.strictEqual(await get(), '401 denied')

  for (const name of ['first', 'second']) {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', name === 'first' ? '9' : '3',
      '-extfile', 'leaf.ext', '-out', `${name}.pem`)
  }
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=of nobody', '-keyout', 'nobody.key', '-out', 'nobody.pem')
  openssl('pkcs12', '-export', '-in', 'first.pem', '-inkey', 'first.key', '-passout', 'pass:secret', '-out', 'first.p12')
  fs.writeFileSync(path.join(folder, 'second.both'), read('second.pem') + read('second.key'))
  fs.writeFileSync(path.join(folder, 'nobody.both'), read('nobody.pem') + read('nobody.key'))
  assert.deepStrictEqual([
    await bring('first.p12', 'wrong'), await bring('ca.key'), await bring('missing'), await bring('first.p12', 'secret'),
    await bring('second.both'), await bring('nobody.both')
  ], [-702, -702, -702, 0, 0, 0])

  // Unless the event is prevented, the first.
  app.removeAllListeners('select-client-certificate')
  assert.strictEqual(await get(), '200 first')

  const once = async (listener) => {
    answer(listener)
    // Asked anew from here on, and not on a connection that knows the answer.
    assert.strictEqual(await bring('nobody.both'), 0)
    return get()
  }
  let asked
  assert.strictEqual(await once((event, webContents, from, list, callback) => {
    event.preventDefault()
    asked = [webContents, from, list.map(({ subjectName, issuerName }) => [subjectName, issuerName])]
    assert.throws(() => callback({ data: 'of nobody' }), { message: 'Must pass valid certificate object.' })
    callback(list[1])
    callback(list[0])
  }), '200 second')
  assert.deepStrictEqual(asked, [null, url.slice(0, -1), [['first', 'A Test Authority'], ['second', 'A Test Authority']]])
  assert.strictEqual(await once((event, webContents, from, list, callback) => {
    event.preventDefault()
    setImmediate(callback)
  }), '401 denied')

  // A request whose question is never answered can be aborted.
  answer((event) => {
    event.preventDefault()
    request.abort()
  })
  assert.strictEqual(await bring('nobody.both'), 0)
  const request = net.request({ url, session: here })
  request.end()
  await new Promise((resolve) => request.once('close', resolve))
  assert.throws(() => app.importCertificate({ certificate: 1 }, () => {}), TypeError)
  assert.throws(() => app.importCertificate({ certificate: 'a' }), TypeError)
})
