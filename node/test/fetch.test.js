'use strict'
const test = require('node:test')
const assert = require('node:assert')
const net_ = require('node:net')
const { writeFileSync, mkdtempSync, rmSync } = require('node:fs')
const path = require('node:path')
const os = require('node:os')
const { pathToFileURL } = require('node:url')
const { net, session } = require('..')
const { execFile } = require('node:child_process')
const { promisify } = require('node:util')
const { serve, listen, received } = require('./support.js')

const echo = async (request, response) => {
  const body = await received(request)
  response.setHeader('Set-Cookie', ['a=1', 'b=2'])
  response.setHeader('Seen', JSON.stringify(request.headers))
  response.end(body)
}
const seen = (response) => JSON.parse(response.headers.get('seen'))

test('a Response with status, headers, url and body', async (t) => {
  const url = await serve(t, (request, response) => response.writeHead(404, 'Not There', { 'X-A': 'b' }).end('text'))
  const response = await net.fetch(url)
  assert.ok(response instanceof Response)
  assert.deepStrictEqual(
    [response.status, response.ok, response.statusText, response.headers.get('x-a'), response.url, response.redirected, await response.text()],
    [404, false, 'Not There', 'b', url, false, 'text']
  )
})

test('several Set-Cookie are kept apart', async (t) => {
  const url = await serve(t, echo)
  assert.deepStrictEqual((await net.fetch(url)).headers.getSetCookie(), ['a=1', 'b=2'])
})

test('bodies of every kind go out', async (t) => {
  const url = await serve(t, echo)
  const form = new FormData()
  form.set('field', 'value')
  const stream = () => new ReadableStream({
    start (controller) {
      for (const part of ['a ', 'stream']) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    }
  })
  for (const [body, text, type, framing] of [
    ['text', 'text', 'text/plain;charset=UTF-8', '4'],
    [Buffer.from('buffer'), 'buffer', undefined, '6'],
    [new Uint8Array([65, 66]).buffer, 'AB', undefined, '2'],
    [new URLSearchParams({ a: 'b c' }), 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8', '5'],
    [new Blob(['blob'], { type: 'text/x' }), 'blob', 'text/x', '4'],
    [stream(), 'a stream', undefined, 'chunked'],
    [(async function * () { yield Buffer.from('an iterable') })(), 'an iterable', undefined, 'chunked'],
    [form, /value/, /^multipart\/form-data; boundary=/, /\d+/]
  ]) {
    const response = await net.fetch(url, { method: 'POST', body, duplex: 'half' })
    const headers = seen(response)
    for (const [found, expected] of [
      [await response.text(), text], [headers['content-type'], type],
      [headers['content-length'] ?? headers['transfer-encoding'], framing]
    ]) {
      if (expected instanceof RegExp) assert.match(found, expected)
      else assert.strictEqual(found, expected)
    }
  }
})

test('a Request is taken, with its body', async (t) => {
  const url = await serve(t, echo)
  const response = await net.fetch(new Request(url, { method: 'PUT', body: 'inside', headers: { 'X-Own': 'yes' } }))
  assert.deepStrictEqual([seen(response)['x-own'], await response.text()], ['yes', 'inside'])
})

test('credentials: include, and the default, use the cookie jar; omit does not', async (t) => {
  const url = await serve(t, echo)
  const here = session.fromPartition('fetch')
  await here.fetch(url, { credentials: 'omit' })
  assert.deepStrictEqual(await here.cookies.get({}), [])
  await here.fetch(url, { credentials: 'include' })
  assert.strictEqual(seen(await here.fetch(url)).cookie, 'a=1; b=2')
  assert.strictEqual(seen(await here.fetch(url, { credentials: 'omit' })).cookie, undefined)
})

test('redirects: follow, error, manual', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/to') return response.end('there')
    response.writeHead(302, { Location: '/to' }).end('moved')
  })
  const followed = await net.fetch(url)
  assert.deepStrictEqual([followed.url, followed.redirected, await followed.text()], [url + 'to', true, 'there'])
  await assert.rejects(net.fetch(url, { redirect: 'error' }), { message: "Attempted to redirect, but redirect policy was 'error'" })
  const manual = await net.fetch(url, { redirect: 'manual' })
  assert.deepStrictEqual([manual.status, manual.headers.get('location'), await manual.text()], [302, '/to', 'moved'])
})

test('an AbortSignal rejects with its reason, before and behind the head', async (t) => {
  const url = await serve(t, (request, response) => { if (request.url !== '/never') response.write('part') })
  const reason = new Error('no longer')
  await assert.rejects(net.fetch(url, { signal: AbortSignal.abort(reason) }), reason)
  const early = new AbortController()
  const pending = net.fetch(url + 'never', { signal: early.signal })
  setImmediate(() => early.abort(reason))
  await assert.rejects(pending, reason)
  const late = new AbortController()
  const response = await net.fetch(url, { signal: late.signal })
  setImmediate(() => late.abort(reason))
  await assert.rejects(response.text(), reason)
  await assert.rejects(net.fetch(url + 'never', { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
})

test('a failure rejects with the engine\'s error; one in the body rejects the body', async (t) => {
  const empty = await listen(t, net_.createServer((socket) => socket.once('data', () => socket.end())))
  await assert.rejects(net.fetch(empty), { message: 'net::ERR_EMPTY_RESPONSE' })
  const cut = await listen(t, net_.createServer((socket) => socket.once('data', () => {
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal')
  })))
  const response = await net.fetch(cut)
  await assert.rejects(response.text(), { message: 'net::ERR_INCOMPLETE_CHUNKED_ENCODING' })
})

test('a body of 4 MiB comes whole, in pieces', async (t) => {
  const whole = Buffer.alloc(4 * 1024 * 1024, 'netreq!')
  const url = await serve(t, (request, response) => response.end(whole))
  const response = await net.fetch(url)
  assert.ok(whole.equals(Buffer.from(await response.arrayBuffer())))
})

test('a body is read into buffers of the reader\'s own, and its chunks may be given away', async (t) => {
  const whole = Buffer.alloc(300 * 1024, 'netreq!')
  const url = await serve(t, (request, response) => response.end(whole))
  const into = (await net.fetch(url)).body.getReader({ mode: 'byob' })
  const parts = []
  for (let buffer = new ArrayBuffer(50 * 1024); ;) {
    const { done, value } = await into.read(new Uint8Array(buffer))
    if (done) break
    parts.push(Buffer.from(value))
    buffer = value.buffer
  }
  assert.ok(whole.equals(Buffer.concat(parts)))

  const given = []
  for await (const chunk of (await net.fetch(url)).body) given.push(structuredClone(chunk, { transfer: [chunk.buffer] }))
  assert.ok(whole.equals(Buffer.concat(given)))
})

test('a body that is cancelled ends its request', async (t) => {
  let gone
  const isGone = new Promise((resolve) => { gone = resolve })
  const url = await serve(t, (request, response) => { response.on('close', gone); response.write('x') })
  const response = await net.fetch(url)
  await response.body.cancel()
  await isGone
})

test('a body is whole also where nobody holds its Response any more', async (t) => {
  const url = await serve(t, (request, response) => {
    response.write('x')
    if (request.url === '/late') setTimeout(() => response.end('y'), 100)
    else response.end('y'.repeat(200 * 1024))
  })
  for (const [path, length] of [['late', 2], ['long', 1 + 200 * 1024]]) {
    const { body } = await net.fetch(url + path)
    for (let times = 0; times < 5; times++) {
      global.gc()
      await new Promise(setImmediate)
    }
    assert.strictEqual((await new Response(body).text()).length, length)
  }
})

test('a reason phrase with control characters is a Response without them', async (t) => {
  const url = await listen(t, net_.createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 O\x01K\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))))
  const response = await net.fetch(url)
  assert.deepStrictEqual([response.statusText, await response.text()], ['OK', 'ok'])
})

test('a scheme that nobody knows rejects', async () => {
  for (const url of ['custom://x/', 'data:,x', 'blob:x', 'about:blank']) {
    await assert.rejects(net.fetch(url), { message: 'net::ERR_UNKNOWN_URL_SCHEME', errno: -302 }, url)
  }
})

test('a Response that nobody holds ends its request', async (t) => {
  let gone
  const isGone = new Promise((resolve) => { gone = resolve })
  const url = await serve(t, (request, response) => { response.on('close', gone); response.write('x') })
  await net.fetch(url).then(() => {})
  const collecting = setInterval(() => global.gc(), 10)
  await isGone
  clearInterval(collecting)
})

test('an upload whose stream fails rejects, and the server sees it cut', async (t) => {
  const url = await serve(t, (request) => request.on('error', () => {}).resume())
  const failure = new Error('source')
  const body = new ReadableStream({ pull (controller) { controller.error(failure) } })
  await assert.rejects(net.fetch(url, { method: 'POST', body, duplex: 'half' }), failure)
})

test('statuses without a body, and HEAD', async (t) => {
  const url = await serve(t, (request, response) => response.writeHead(request.method === 'HEAD' ? 200 : 204).end())
  assert.strictEqual((await net.fetch(url)).body, null)
  assert.strictEqual((await net.fetch(url, { method: 'HEAD' })).body, null)
})

test('file: is read', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'netreq-fetch-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const name = path.join(folder, 'a file')
  writeFileSync(name, 'contents')
  const response = await net.fetch(pathToFileURL(name).href)
  assert.deepStrictEqual([response.status, await response.text()], [200, 'contents'])
  await assert.rejects(net.fetch(pathToFileURL(name + '2').href), { message: 'net::ERR_FILE_NOT_FOUND' })
})

test('what is no URL rejects with a TypeError', async () => {
  await assert.rejects(net.fetch('no url'), TypeError)
})

test('online is a boolean', () => {
  assert.strictEqual(typeof net.online, 'boolean')
  assert.strictEqual(typeof net.isOnline(), 'boolean')
})

test('a clone says what its Response does, and the URL has no fragment', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/') response.writeHead(302, { location: '/there' }).end()
    else response.writeHead(666, 'Odd').end('body')
  })
  const response = await net.fetch(`${url}#fragment`)
  const again = response.clone().clone()
  for (const one of [response, again]) {
    assert.deepStrictEqual([one.url, one.redirected, one.status, one.ok], [`${url}there`, true, 666, false])
    assert.strictEqual(await one.text(), 'body')
  }
})

test('a Request whose body is at hand has a length and can be sent again', async (t) => {
  const url = await serve(t, async (request, response) => {
    const body = await received(request)
    if (request.url === '/') response.writeHead(307, { location: '/there' }).end()
    else response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']} ${body.length}`)
  })
  const made = (body) => new Request(url, { method: 'POST', body, duplex: 'half' })
  assert.strictEqual(await (await net.fetch(made('text'))).text(), '4 undefined 4')
  assert.strictEqual(await (await net.fetch(made(Buffer.alloc(100_000)))).text(), '100000 undefined 100000')
  const late = new ReadableStream({
    async pull (controller) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      controller.enqueue(Buffer.from('late'))
      controller.close()
    }
  })
  assert.strictEqual(await (await net.fetch(new Request(`${url}there`, { method: 'POST', body: late, duplex: 'half' }))).text(), 'undefined chunked 4')
})

test('user and password in a URL are refused as by the platform', async () => {
  for (const init of [undefined, {}]) await assert.rejects(net.fetch('http://u:p@127.0.0.1:81/', init), TypeError)
})

test('Accept is */* unless it is set', async (t) => {
  const url = await serve(t, (request, response) => response.end(request.headers.accept))
  for (const [init, expected] of [[undefined, '*/*'], [{}, '*/*'], [{ headers: { Accept: 'text/html' } }, 'text/html']]) {
    assert.strictEqual(await (await net.fetch(url, init)).text(), expected)
  }
})

test('a process ends although a body that it does not read has not come to its end', async (t) => {
  const url = await serve(t, (request, response) => response.write(Buffer.alloc(1024 * 1024)))
  const script = `require(${JSON.stringify(require.resolve('..'))}).net.fetch('${url}').then(async (response) => {
    const reader = response.body.getReader()
    console.log(response.status, (await reader.read()).value.length > 0)
  })`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 })
  assert.strictEqual(stdout, '200 true\n')
})

test('a body that ends within what a reader of its own buffer waits for rejects that read alone', async (t) => {
  const url = await serve(t, (request, response) => {
    response.write('abc')
    setTimeout(() => response.end(), 20)
  })
  const reader = (await net.fetch(url)).body.getReader({ mode: 'byob' })
  await assert.rejects(reader.read(new Uint32Array(4)), TypeError)
  assert.strictEqual(await (await net.fetch(url)).text(), 'abc')
})

test('the buffer of a chunk holds its own bytes alone', async (t) => {
  const url = await serve(t, (request, response) => {
    response.setHeader('set-cookie', 'secret=of-this-session')
    response.end(Buffer.alloc(Number(request.url.slice(1)), 'x'))
  })
  const sizes = [4, 5000, 70_000, 113_731, 131_072, 300_000]
  await Promise.all([...sizes, ...sizes, ...sizes].map(async (size) => {
    for await (const chunk of (await net.fetch(url + size)).body) {
      const others = Buffer.from(chunk.buffer).filter((byte) => byte !== 120 && byte !== 0)
      assert.strictEqual(others.length, 0, others.toString('latin1'))
    }
  }))
})

test('a body that its status has no place for is read and thrown away', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/') response.end('next')
    else response.writeHead(205, { 'content-length': 2 * 1024 * 1024 }).end(Buffer.alloc(2 * 1024 * 1024), () => written())
  })
  let written
  const isWritten = new Promise((resolve) => { written = resolve })
  assert.strictEqual((await net.fetch(`${url}large`)).body, null)
  await isWritten
})

test('integrity is not there yet, and what was to be checked does not pass unchecked', async (t) => {
  const url = await serve(t, (request, response) => response.end('body'))
  await assert.rejects(net.fetch(url, { integrity: 'sha256-AAAA' }), { message: 'net::ERR_NOT_IMPLEMENTED' })
})
