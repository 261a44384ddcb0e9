'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { setTimeout: delay } = require('node:timers/promises')
const { net } = require('..')
const { serve, respond, text, received, once } = require('./support.js')

/** `/STATUS` redirects to `/end`, which shows what came. */
const redirecting = async (request, response) => {
  const body = await received(request)
  const status = Number(request.url.slice(1))
  if (status) {
    response.writeHead(status, { Location: '/end', 'X-Two': ['a', 'b'], 'Set-Cookie': 'c=d' })
    return response.end()
  }
  response.end(JSON.stringify({ method: request.method, body: body.toString(), extra: request.headers['x-extra'] }))
}

test('301, 302 and 303 turn POST into GET without body; 307 and 308 repeat method and body', async (t) => {
  const url = await serve(t, redirecting)
  for (const [status, method, body] of [[301, 'GET', ''], [302, 'GET', ''], [303, 'GET', ''], [307, 'POST', 'sent'], [308, 'POST', 'sent']]) {
    const request = net.request({ method: 'POST', url: url + status })
    const events = []
    request.on('redirect', (...event) => events.push(event))
    const response = await respond(request, 'sent')
    assert.deepStrictEqual(JSON.parse(await text(response)), { method, body })
    assert.strictEqual(events.length, 1)
    const [code, next, target, headers] = events[0]
    assert.deepStrictEqual([code, next, target, headers['x-two'], headers['set-cookie']], [status, method, url + 'end', ['a', 'b'], ['c=d']])
    assert.deepStrictEqual([response.url, response.redirected], [url + 'end', true])
  }
})

test('redirect: manual follows only if followRedirect() is called inside the event', async (t) => {
  const url = await serve(t, redirecting)
  const followed = net.request({ url: url + 302, redirect: 'manual' })
  followed.on('redirect', () => followed.followRedirect())
  assert.strictEqual((await respond(followed)).statusCode, 200)

  const late = net.request({ url: url + 302, redirect: 'manual' })
  let thrown
  late.on('redirect', async () => {
    await null
    try { late.followRedirect() } catch (error) { thrown = error }
  })
  await assert.rejects(respond(late), { message: 'Redirect was cancelled' })
  assert.strictEqual(thrown.message, 'followRedirect() called, but was not waiting for a redirect')

  await assert.rejects(respond(net.request({ url: url + 302, redirect: 'manual' })), { message: 'Redirect was cancelled' })
})

test('redirect: error fails without a redirect event', async (t) => {
  const url = await serve(t, redirecting)
  const request = net.request({ url: url + 302, redirect: 'error' })
  request.on('redirect', () => assert.fail('no event is due'))
  await assert.rejects(respond(request), { message: "Attempted to redirect, but redirect policy was 'error'" })
})

test('in mode follow, followRedirect() inside the event does nothing more', async (t) => {
  const url = await serve(t, redirecting)
  const request = net.request(url + 302)
  request.on('redirect', () => request.followRedirect())
  assert.strictEqual((await respond(request)).statusCode, 200)
})

test('followRedirect() outside the event throws', () => {
  assert.throws(() => net.request('http://localhost/').followRedirect(), {
    message: 'followRedirect() called, but was not waiting for a redirect'
  })
})

test('abort() inside the event ends the request', async (t) => {
  let hops = 0
  const url = await serve(t, (request, response) => { hops++; redirecting(request, response) })
  const request = net.request(url + 302)
  request.on('response', () => assert.fail('no response is due'))
  request.on('error', assert.fail)
  request.on('redirect', () => request.abort())
  request.end()
  await once(request, 'close')
  await delay(20)
  assert.strictEqual(hops, 1)
})

test('followRedirect(headers) replaces the fields that go along', async (t) => {
  const url = await serve(t, redirecting)
  const request = net.request({ url: url + 302, redirect: 'manual', headers: { 'X-Extra': 'first' } })
  request.on('redirect', () => request.followRedirect({ 'X-Extra': 'second' }))
  assert.strictEqual(JSON.parse(await text(await respond(request))).extra, 'second')
})

test('http to file:, data:, about: and blob: is net::ERR_UNSAFE_REDIRECT', async (t) => {
  for (const target of ['file:///etc/passwd', 'data:text/plain,x', 'about:blank', 'blob:null/x']) {
    const url = await serve(t, (request, response) => response.writeHead(302, { Location: target }).end())
    await assert.rejects(respond(net.request(url)), { message: 'net::ERR_UNSAFE_REDIRECT' })
  }
})

test('redirects without end are net::ERR_TOO_MANY_REDIRECTS', async (t) => {
  const url = await serve(t, (request, response) => response.writeHead(302, { Location: '/' }).end())
  await assert.rejects(respond(net.request(url)), { message: 'net::ERR_TOO_MANY_REDIRECTS' })
})
