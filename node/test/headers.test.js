'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { net } = require('..')
const { serve, fetched, respond } = require('./support.js')

const echo = (request, response) => response.end(JSON.stringify(request.rawHeaders))

test('names and order of header fields are kept on the wire, and Host comes first', async (t) => {
  const url = await serve(t, echo)
  const request = net.request(url)
  request.setHeader('X-Second', 'a')
  request.setHeader('x-FIRST', 'b')
  request.setHeader('X-second', 'c')
  const raw = JSON.parse(await (await import('node:stream/consumers')).text(await respond(request)))
  assert.strictEqual(raw[0], 'Host')
  const names = raw.filter((_, index) => index % 2 === 0)
  assert.deepStrictEqual(names.filter((name) => /^x-/i.test(name)), ['X-second', 'x-FIRST'])
  assert.strictEqual(raw[raw.indexOf('X-second') + 1], 'c')
})

test('getHeader ignores case and gives the value as it was set', () => {
  const request = net.request({ url: 'http://localhost/', headers: { 'X-Given': 7 } })
  const value = { toString: () => 'text' }
  request.setHeader('Foo', value)
  request.setHeader('Number', 42)
  assert.strictEqual(request.getHeader('foo'), value)
  assert.strictEqual(request.getHeader('NUMBER'), 42)
  assert.strictEqual(request.getHeader('x-given'), 7)
  assert.strictEqual(request.getHeader('absent'), undefined)
  request.removeHeader('FOO')
  assert.strictEqual(request.getHeader('foo'), undefined)
})

test('what is wrong with a header field is said in Electron\'s words', () => {
  const request = net.request('http://localhost/')
  const cases = [
    [() => request.setHeader(1, 'x'), TypeError, '`name` should be a string in setHeader(name, value)'],
    [() => request.setHeader(), TypeError, '`name` should be a string in setHeader(name, value)'],
    [() => request.setHeader('foo', null), Error, '`value` required in setHeader("foo", value)'],
    [() => request.setHeader('foo', undefined), Error, '`value` required in setHeader("foo", value)'],
    [() => request.setHeader('a b', 'x'), Error, "Invalid header name: 'a b'"],
    [() => request.setHeader('', 'x'), Error, "Invalid header name: ''"],
    [() => request.setHeader('foo', 'a\r\nb'), Error, "Invalid value for header 'foo': 'a\r\nb'"],
    [() => request.getHeader(), Error, '`name` is required for getHeader(name)'],
    [() => request.removeHeader(), Error, '`name` is required for removeHeader(name)'],
    [() => net.request({ url: 'http://localhost/', headers: { foo: null } }), Error, '`value` required in setHeader("foo", value)'],
    [() => net.request({ url: 'http://localhost/', headers: { foo: undefined } }), Error, '`value` required in setHeader("foo", value)'],
    [() => net.request({ url: 'http://localhost/', headers: 'foo' }), TypeError, 'headers must be an object']
  ]
  for (const [call, Kind, message] of cases) {
    assert.throws(call, (error) => error instanceof Kind && error.message === message, message)
  }
})

for (const [kind, write] of [
  ['a write', (request) => request.write('x')],
  ['a write of nothing', (request) => request.write('')]
]) {
  test(`after ${kind}, setting and removing header fields throw and change nothing`, async (t) => {
    const url = await serve(t, echo)
    const request = net.request({ method: 'POST', url })
    request.setHeader('Kept', 'yes')
    write(request)
    assert.throws(() => request.setHeader('Late', 'x'), { message: "Can't set headers after they are sent" })
    assert.throws(() => request.removeHeader('Kept'), { message: "Can't remove headers after they are sent" })
    assert.strictEqual(request.getHeader('kept'), 'yes')
    assert.strictEqual(request.getHeader('late'), undefined)
    const response = await respond(request)
    const raw = JSON.parse(await require('./support.js').text(response))
    assert.ok(raw.includes('Kept') && !raw.includes('Late'))
  })
}

test('an array as a header value is one line, joined by commas', async (t) => {
  const url = await serve(t, echo)
  const { body } = await fetched({ url, headers: { List: ['a', 'b'] } })
  const raw = JSON.parse(body)
  assert.strictEqual(raw[raw.indexOf('List') + 1], 'a,b')
})

test('with separateHeaders an array is a line each', async (t) => {
  const url = await serve(t, echo)
  const request = net.request({ url, separateHeaders: true, headers: { List: ['a', 'b'] } })
  request.setHeader('Other', ['c', 'd'])
  const raw = JSON.parse(await require('./support.js').text(await respond(request)))
  const own = raw.slice(raw.indexOf('List'), raw.indexOf('List') + 8)
  assert.deepStrictEqual(own, ['List', 'a', 'List', 'b', 'Other', 'c', 'Other', 'd'])
  assert.deepStrictEqual(request.getHeader('list'), ['a', 'b'])
})

test('header values go out as UTF-8', async (t) => {
  const url = await serve(t, echo)
  const { body } = await fetched({ url, headers: { Word: 'é€' } })
  const raw = JSON.parse(body)
  assert.strictEqual(Buffer.from(raw[raw.indexOf('Word') + 1], 'latin1').toString(), 'é€')
})

test('a restricted header passes setHeader, and the request fails with net::ERR_INVALID_ARGUMENT', async () => {
  for (const name of ['Content-Length', 'Host', 'Trailer', 'TE', 'Upgrade', 'Cookie2', 'Keep-Alive', 'Transfer-Encoding', 'Set-Cookie', 'Proxy-Authorization']) {
    const request = net.request('http://localhost/')
    request.setHeader(name, '1')
    await assert.rejects(respond(request), { message: 'net::ERR_INVALID_ARGUMENT', code: 'ERR_INVALID_ARGUMENT', errno: -4 })
  }
})

test('Sec-Fetch fields are sent without being asked', async (t) => {
  const url = await serve(t, echo)
  const sent = async (options) => {
    const raw = JSON.parse((await fetched({ url, ...options })).body)
    return Object.fromEntries(raw.flatMap((name, index) => index % 2 ? [] : [[name.toLowerCase(), raw[index + 1]]]))
  }
  const plain = await sent({})
  assert.strictEqual(plain['sec-fetch-mode'], 'no-cors')
  assert.strictEqual(plain['sec-fetch-dest'], 'empty')
  assert.strictEqual(plain['sec-fetch-user'], undefined)
  assert.strictEqual(plain.referer, undefined)
  assert.strictEqual((await sent({ origin: new URL(url).origin }))['sec-fetch-site'], 'same-origin')
  assert.strictEqual((await sent({ origin: 'https://other.example' }))['sec-fetch-site'], 'cross-site')
  assert.strictEqual((await sent({ headers: { 'Sec-Fetch-Mode': 'navigate' } }))['sec-fetch-mode'], 'navigate')
  assert.strictEqual((await sent({ headers: { 'Sec-Fetch-User': '?1' } }))['sec-fetch-user'], '?1')
})

test('headers of the response follow Node\'s rules, and rawHeaders are as received', async (t) => {
  const url = await serve(t, (request, response) => {
    response.sendDate = false
    response.writeHead(200, [
      'X-Multi', 'a', 'x-multi', 'b', 'Set-Cookie', 'one=1', 'Set-Cookie', 'two=2',
      'Last-Modified', 'first', 'Last-Modified', 'second', 'Content-Length', '0', 'Connection', 'keep-alive',
      '__proto__', 'x'
    ])
    response.end()
  })
  const response = await fetched(url)
  assert.deepStrictEqual(response.rawHeaders.slice(0, 8), ['X-Multi', 'a', 'x-multi', 'b', 'Set-Cookie', 'one=1', 'Set-Cookie', 'two=2'])
  assert.strictEqual(response.headers['x-multi'], 'a, b')
  assert.deepStrictEqual(response.headers['set-cookie'], ['one=1', 'two=2'])
  assert.strictEqual(response.headers['last-modified'], 'first')
  assert.strictEqual(Object.getPrototypeOf(response.headers), Object.prototype)
  assert.ok(Object.hasOwn(response.headers, '__proto__'))
  assert.deepStrictEqual(Object.keys(response.headers), Object.keys(response.headers).toSorted())
})

test('Sec-Fetch fields that nobody knows are as if not set, and the site is computed', async (t) => {
  const url = await serve(t, (request, response) => response.end(JSON.stringify(request.headers)))
  const headers = { 'Sec-Fetch-User': '?0', 'Sec-Fetch-Mode': 'bogus', 'Sec-Fetch-Dest': 'bogus', 'Sec-Fetch-Site': 'same-origin' }
  const sent = JSON.parse((await fetched({ url, headers, origin: 'https://other.example' })).body)
  assert.deepStrictEqual(['user', 'mode', 'dest', 'site'].map((name) => sent[`sec-fetch-${name}`]), [undefined, 'no-cors', 'empty', 'cross-site'])
  await assert.rejects(fetched({ url, headers: { 'sec-fetch-dest': 'document' } }), {
    name: 'TypeError', message: "sec-fetch-dest of 'document', 'frame', 'iframe' or 'fencedframe' requires sec-fetch-mode 'navigate'"
  })
})

test('getHeaders, getHeaderNames and hasHeader show what is set', () => {
  const request = net.request({ url: 'http://127.0.0.1/', headers: { 'X-One': 1 } })
  request.setHeader('x-Two', ['a', 'b'])
  assert.deepStrictEqual([{ ...request.getHeaders() }, request.getHeaderNames()], [{ 'x-one': 1, 'x-two': ['a', 'b'] }, ['x-one', 'x-two']])
  assert.deepStrictEqual([request.hasHeader('X-ONE'), request.hasHeader('x-three')], [true, false])
})
