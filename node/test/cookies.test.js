'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { net, session } = require('..')
const { serve, fetched, once } = require('./support.js')

let count = 0
const fresh = () => session.fromPartition(`cookies-${process.pid}-${count++}`)
const url = 'http://127.0.0.1/'

test('a cookie of Set-Cookie: foo=bar is exactly this', async (t) => {
  const here = fresh()
  const base = await serve(t, (request, response) => response.setHeader('Set-Cookie', 'foo=bar').end())
  await fetched({ url: base, session: here, useSessionCookies: true })
  assert.deepStrictEqual(await here.cookies.get({}), [{
    name: 'foo', value: 'bar', domain: '127.0.0.1', hostOnly: true, path: '/', secure: false,
    httpOnly: false, session: true, sameSite: 'unspecified'
  }])
})

test('without credentials and useSessionCookies no cookie is sent and none is kept', async (t) => {
  const here = fresh()
  const base = await serve(t, (request, response) => {
    response.setHeader('Set-Cookie', 'foo=bar')
    response.end(request.headers.cookie ?? 'none')
  })
  await here.cookies.set({ url: base, name: 'a', value: 'b' })
  for (const [options, sent, kept] of [
    [{}, 'none', 1],
    [{ credentials: 'omit' }, 'none', 1],
    [{ credentials: 'omit', useSessionCookies: true }, 'none', 1],
    [{ useSessionCookies: true }, 'a=b', 2],
    [{ credentials: 'include' }, 'a=b; foo=bar', 2],
    [{ credentials: 'same-origin', origin: new URL(base).origin }, 'a=b; foo=bar', 2]
  ]) {
    const { body, headers } = await fetched({ url: base, session: here, ...options })
    assert.deepStrictEqual([body, (await here.cookies.get({})).length], [sent, kept], JSON.stringify(options))
    assert.deepStrictEqual(headers['set-cookie'], ['foo=bar'])
  }
})

test('Lax and Strict cookies are sent, and an explicit Cookie header is sent as set', async (t) => {
  const here = fresh()
  const base = await serve(t, (request, response) => response.end(request.headers.cookie ?? 'none'))
  for (const sameSite of ['lax', 'strict', 'no_restriction', 'unspecified']) {
    await here.cookies.set({ url: base, name: sameSite, value: '1', sameSite })
  }
  const { body } = await fetched({ url: base, session: here, useSessionCookies: true })
  assert.deepStrictEqual(body.split('; ').toSorted(), ['lax=1', 'no_restriction=1', 'strict=1', 'unspecified=1'])
  const own = await fetched({ url: base, session: fresh(), headers: { Cookie: 'own=1' }, useSessionCookies: true })
  assert.strictEqual(own.body, 'own=1')
})

test('set has defaults: path, lax, host only, a session cookie', async () => {
  const { cookies } = fresh()
  await cookies.set({ url, name: 'a', value: 'b' })
  assert.deepStrictEqual(await cookies.get({ name: 'a' }), [{
    name: 'a', value: 'b', domain: '127.0.0.1', hostOnly: true, path: '/', secure: false,
    httpOnly: false, session: true, sameSite: 'lax'
  }])
  await cookies.set({ url: 'https://Sub.Example.com/x/y', domain: 'EXAMPLE.com', name: 'c', sameSite: 'no_restriction', expirationDate: 4102444800.5 })
  const [wide] = await cookies.get({ name: 'c' })
  assert.deepStrictEqual([wide.domain, wide.hostOnly, wide.secure, wide.session], ['.example.com', false, true, false])
  await cookies.set({ url, value: 'without a name' })
  assert.strictEqual((await cookies.get({ name: '' })).length, 1)
  await cookies.set({ url, name: 'a', value: 'b', expirationDate: 0 })
  assert.deepStrictEqual(await cookies.get({ name: 'a' }), [])
})

test('get filters', async () => {
  const { cookies } = fresh()
  await cookies.set({ url: 'https://example.com/', name: 'a', value: '1', domain: 'example.com', secure: true })
  await cookies.set({ url: 'https://sub.example.com/', name: 'b', value: '2', httpOnly: true, expirationDate: 4102444800 })
  await cookies.set({ url: 'https://otherexample.com/', name: 'c', value: '3', path: '/deep' })
  for (const [filter, names] of [
    [undefined, 'abc'], [{}, 'abc'], [{ url: 'https://sub.example.com/' }, 'ab'], [{ url: 'no url' }, ''],
    [{ domain: 'example.com' }, 'a'], [{ domain: 'sub.example.com' }, 'ab'], [{ domain: '.example.com' }, 'a'],
    [{ domain: 'otherexample.com' }, 'c'], [{ path: '/deep' }, 'c'], [{ secure: true }, 'a'], [{ session: false }, 'b'],
    [{ httpOnly: true }, 'b'], [{ httpOnly: false }, 'ac'], [{ name: 'b' }, 'b'], [{ name: 'x' }, '']
  ]) {
    const found = (await cookies.get(filter)).map(({ name }) => name).toSorted().join('')
    assert.strictEqual(found, names, JSON.stringify(filter))
  }
})

test('a cookie that cannot be set is refused in Electron\'s words', async () => {
  const { cookies } = fresh()
  const domain = 'Failed to set cookie - The cookie was set with an invalid Domain attribute.'
  for (const [details, message] of [
    [{ url: '', name: 'a' }, domain],
    [{ url: 'asdf', name: 'a' }, domain],
    [{ url, name: 'a', domain: 'elsewhere.example' }, domain],
    [{ url, name: 'a', value: 'b;c' }, 'Failed to set cookie - The cookie contains ASCII control characters'],
    [{ url, name: 'a', sameSite: 'garbage' }, "Failed to convert 'garbage' to an appropriate cookie same site value"],
    [{ name: 'a' }, "Missing required option 'url'"]
  ]) {
    await assert.rejects(cookies.set(details), { message })
  }
  assert.deepStrictEqual(await cookies.get({}), [])
})

test('remove and flushStore', async () => {
  const { cookies } = fresh()
  await cookies.set({ url, name: 'a', value: '1' })
  await cookies.set({ url, name: 'b', value: '2' })
  await cookies.remove(url, 'a')
  assert.deepStrictEqual((await cookies.get({})).map(({ name }) => name), ['b'])
  await cookies.flushStore()
})

test('changed says what happened to which cookie', async () => {
  const { cookies } = fresh()
  const seen = []
  cookies.on('changed', (event, { name, value }, cause, removed) => seen.push([name, value, cause, removed]))
  await cookies.set({ url, name: 'a', value: '1' })
  await cookies.set({ url, name: 'a', value: '2' })
  await cookies.set({ url, name: 'a', value: '2', httpOnly: true })
  await cookies.set({ url, name: 'a', value: '3', expirationDate: 1 })
  await cookies.set({ url, name: 'b', value: '4' })
  await cookies.remove(url, 'b')
  while (seen.length < 8) await once(cookies, 'changed')
  assert.deepStrictEqual(seen, [
    ['a', '1', 'inserted', false],
    ['a', '1', 'overwrite', true],
    ['a', '2', 'inserted', false],
    ['a', '2', 'overwrite', true],
    ['a', '2', 'inserted-no-value-change-overwrite', false],
    ['a', '2', 'expired-overwrite', true],
    ['b', '4', 'inserted', false],
    ['b', '4', 'explicit', true]
  ])
})

test('hostile keys in details and filters change nothing', async () => {
  const { cookies } = fresh()
  Object.prototype.domain = 'elsewhere.example'
  try {
    await cookies.set(JSON.parse(`{"url":"${url}","name":"a","__proto__":{"value":"x"}}`))
  } finally {
    delete Object.prototype.domain
  }
  assert.strictEqual((await cookies.get(JSON.parse('{"__proto__":{"name":"b"}}')))[0].value, '')
})

test('clearStorageData and clearData forget cookies, by site', async () => {
  const here = fresh()
  const fill = async () => {
    await here.cookies.set({ url: 'https://a.example.com/', name: 'a' })
    await here.cookies.set({ url: 'https://example.org/', name: 'b' })
  }
  const left = async () => (await here.cookies.get({})).map(({ name }) => name).toSorted().join('')
  for (const [clear, expected] of [
    [() => here.clearStorageData({ storages: ['cookies'] }), ''],
    [() => here.clearStorageData({ storages: ['localstorage'] }), 'ab'],
    [() => here.clearStorageData(), ''],
    [() => here.clearStorageData({ origin: 'https://example.org' }), 'a'],
    [() => here.clearData(), ''],
    [() => here.clearData({ dataTypes: ['cache'] }), 'ab'],
    [() => here.clearData({ dataTypes: ['cookies'], origins: ['https://example.com'] }), 'b'],
    [() => here.clearData({ excludeOrigins: ['https://example.com'] }), 'a']
  ]) {
    await fill()
    await clear()
    assert.strictEqual(await left(), expected, clear.toString())
  }
})
