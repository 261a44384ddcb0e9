'use strict'
const test = require('node:test')
const assert = require('node:assert')
const http = require('node:http')
const net_ = require('node:net')
const { app, net, session } = require('..')
const { serve, listen, fetched, respond, happens } = require('./support.js')

const echo = (request, response) => response.end(`${request.method} ${request.headers.host}${request.url}`)

test('a request is made from a text, a URL, or options with url, href or parts', async (t) => {
  const base = await serve(t, echo)
  const { host, hostname, port } = new URL(base)
  for (const [options, expected] of [
    [base + 'a?b=c', `GET ${host}/a?b=c`],
    [new URL(base + 'u'), `GET ${host}/u`],
    [{ url: base + 'b' }, `GET ${host}/b`],
    [{ url: new URL(base + 'b2') }, `GET ${host}/b2`],
    [{ href: base + 'c' }, `GET ${host}/c`],
    [{ host, path: '/d?e' }, `GET ${host}/d?e`],
    [{ hostname, port, path: '/f' }, `GET ${host}/f`],
    [{ hostname, port: Number(port) }, `GET ${host}/`],
    [{ protocol: 'http:', hostname, port, path: '//elsewhere/x' }, `GET ${host}//elsewhere/x`],
    [{ url: base, method: 'put' }, `PUT ${host}/`],
    [{ url: base + 'ü#part' }, `GET ${host}/%C3%BC`]
  ]) {
    const { body } = await fetched(options)
    if (options.path === '//elsewhere/x') assert.ok(body.startsWith(`GET ${host}/`), body)
    else assert.strictEqual(body, expected)
  }
})

test('what is wrong with the options is thrown at once, in Electron\'s words', () => {
  const url = 'http://localhost/'
  for (const [options, Kind, message] of [
    ['ftp://localhost/', Error, 'ClientRequest only supports http: and https: protocols'],
    [{ url: 'file:///etc/passwd' }, Error, 'ClientRequest only supports http: and https: protocols'],
    [{ protocol: 'ftp:', hostname: 'localhost' }, Error, 'ClientRequest only supports http: and https: protocols'],
    [{ hostname: 'localhost', path: '/a b' }, TypeError, 'Request path contains unescaped characters'],
    [{ url, redirect: 'never' }, Error, 'redirect mode should be one of follow, error or manual'],
    [{ url, session: 1 }, TypeError, '`session` should be an instance of the Session class'],
    [{ url, session: {} }, TypeError, '`session` should be an instance of the Session class'],
    [{ url, partition: 1 }, TypeError, '`partition` should be a string'],
    [{ url, credentials: 'same-origin' }, Error, 'credentials: same-origin requires origin to be set']
  ]) {
    assert.throws(() => net.request(options), (error) => error instanceof Kind && error.message === message, message)
  }
})

test('a string that is no URL throws, and as an option it comes as an error event', async () => {
  for (const text of ['no url', '', '//x', 'http://', 'http://a b/', 'http://a:99999/']) {
    assert.throws(() => net.request(text), { name: 'TypeError', message: 'Invalid URL' }, text)
    if (text) await assert.rejects(respond(net.request({ url: text })), { name: 'TypeError', message: 'Invalid URL' }, text)
  }
})

test('unknown values of enumerations are as if not given', async (t) => {
  const url = await serve(t, echo)
  const response = await fetched({ url, credentials: 'x', cache: 'x', priority: 'x', referrerPolicy: 'x' })
  assert.strictEqual(response.statusCode, 200)
})

test('hostile keys in the options change nothing', async (t) => {
  const url = await serve(t, echo)
  const options = JSON.parse(`{"url":"${url}","__proto__":{"method":"POST"},"constructor":1,"headers":{"__proto__":"x","toString":"y"}}`)
  const { body } = await fetched(options)
  assert.ok(body.startsWith('GET '))
  Object.prototype.redirect = 'never'
  t.after(() => delete Object.prototype.redirect)
  assert.doesNotThrow(() => net.request({ url }))
  assert.throws(() => net.request({ url, redirect: '__proto__' }), /redirect mode/)
})

test('a getter that throws throws at the call', () => {
  const thrown = new Error('from the getter')
  assert.throws(() => net.request({ get url () { throw thrown } }), thrown)
})

test('session objects come from partitions alone', () => {
  assert.throws(() => new session.Session(), { message: "Session objects cannot be created with 'new'" })
  assert.strictEqual(session.fromPartition(''), session.defaultSession)
  assert.strictEqual(session.fromPartition('a'), session.fromPartition('a'))
  assert.notStrictEqual(session.fromPartition('a'), session.fromPartition('b'))
  assert.ok(session.defaultSession instanceof session.Session)
})

test('ClientRequest can be made with new', async (t) => {
  const url = await serve(t, echo)
  const request = new net.ClientRequest(url)
  assert.ok(request instanceof net.ClientRequest)
  assert.strictEqual((await respond(request)).statusCode, 200)
})

test('the callback hears of the response', async (t) => {
  const url = await serve(t, echo)
  const response = await new Promise((resolve) => net.request(url, resolve).end())
  assert.strictEqual(response.statusCode, 200)
})

test('cache is said to caches on the way, and what may only come from one is net::ERR_CACHE_MISS', async (t) => {
  const url = await serve(t, (request, response) => response.end(`${request.headers.pragma} ${request.headers['cache-control']}`))
  for (const [cache, expected] of [['default', 'undefined undefined'], ['no-cache', 'undefined max-age=0'], ['reload', 'no-cache no-cache'], ['no-store', 'no-cache no-cache']]) {
    assert.strictEqual((await fetched({ url, cache })).body, expected)
    assert.strictEqual(await (await net.fetch(url, { cache })).text(), expected)
  }
  await assert.rejects(respond(net.request({ url, cache: 'only-if-cached' })), { message: 'net::ERR_CACHE_MISS', errno: -400 })
})

test('a port of another protocol is net::ERR_UNSAFE_PORT unless a switch allows it', async () => {
  await assert.rejects(respond(net.request('http://127.0.0.1:25/')), { message: 'net::ERR_UNSAFE_PORT', errno: -312 })
  app.commandLine.appendSwitch('explicitly-allowed-ports', '25,6000')
  const allowing = session.fromPartition('allowing')
  app.commandLine.removeSwitch('explicitly-allowed-ports')
  await assert.rejects(respond(net.request({ url: 'http://127.0.0.1:25/', session: allowing })), { message: 'net::ERR_CONNECTION_REFUSED' })
})

test('an option that is no text throws where it has to be one, and is as if not given elsewhere', async (t) => {
  const url = await serve(t, echo)
  for (const method of [5, {}, ['GET']]) assert.throws(() => net.request({ url, method }), new TypeError('method must be a string'))
  const { statusCode } = await fetched({ url, origin: { toString () { throw new Error('not asked') } }, headers: { 'X-Five': { toString: () => 5 } } })
  assert.strictEqual(statusCode, 200)
})

test('a time limit ends what it is set for', async (t) => {
  const url = await serve(t, (request, response) => { if (request.url === '/part') response.write('part') })
  await assert.rejects(fetched({ url: `${url}part`, timeout: { idle: 30 } }), { message: 'net::ERR_TIMED_OUT', phase: 'receive', isTimeout: true })
  await assert.rejects(fetched({ url, timeout: { firstByte: 30 } }), { message: 'net::ERR_TIMED_OUT', phase: 'wait', isTimeout: true })
  await assert.rejects(fetched({ url, timeout: 30 }), { message: 'net::ERR_TIMED_OUT', isTimeout: true })
  // A server that takes connections and says nothing to a handshake.
  const silent = (await listen(t, net_.createServer())).replace('http:', 'https:')
  await assert.rejects(fetched({ url: silent, timeout: { tls: 30 } }), { phase: 'tls', isTimeout: true })
})

test('referrerPolicy says what is left of a Referer behind a redirect', async (t) => {
  const there = await serve(t, (request, response) => response.end(String(request.headers.referer)))
  const here = await serve(t, (request, response) => response.writeHead(302, { location: there }).end())
  const seen = async (referrerPolicy) => (await fetched({ url: here, headers: { Referer: `${here}page` }, referrerPolicy })).body
  assert.deepStrictEqual(await Promise.all(['unsafe-url', 'origin', 'no-referrer', 'same-origin', undefined].map(seen)),
    [`${here}page`, here, 'undefined', 'undefined', here])
})

test('preconnect makes the connection that a request then uses', async (t) => {
  let connections = 0
  const server = http.createServer((request, response) => response.end('hello'))
  server.on('connection', () => connections++)
  const url = await listen(t, server)
  const here = session.fromPartition('preconnected')
  here.preconnect({ url, numSockets: 1 })
  await happens(server, 'connection')
  const response = await fetched({ url, session: here })
  assert.deepStrictEqual([response.body, connections], ['hello', 1])
})

test('switches of the command line: host-rules and ignore-connections-limit', async (t) => {
  let most = 0
  let open = 0
  const url = await serve(t, (request, response) => {
    most = Math.max(most, ++open)
    setTimeout(() => {
      open--
      response.end()
    }, 50)
  })
  const { host } = new URL(url)
  app.commandLine.appendSwitch('host-rules', `MAP named.test ${host}`)
  const limited = session.fromPartition('limited')
  app.commandLine.appendSwitch('ignore-connections-limit', 'named.test')
  const unlimited = session.fromPartition('unlimited')
  for (const name of ['host-rules', 'ignore-connections-limit']) app.commandLine.removeSwitch(name)
  for (const [here, expected] of [[limited, 6], [unlimited, 10]]) {
    most = 0
    await Promise.all(Array.from({ length: 10 }, () => fetched({ url: 'http://named.test/', session: here })))
    assert.strictEqual(most, expected)
  }
})
