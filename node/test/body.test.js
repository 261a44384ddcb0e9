'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { createHash } = require('node:crypto')
const { gzipSync } = require('node:zlib')
const { net } = require('..')
const { serve, fetched, respond, received, text, once } = require('./support.js')

const echo = async (request, response) => {
  const body = await received(request)
  response.end(JSON.stringify({
    method: request.method,
    length: body.length,
    hash: createHash('sha256').update(body).digest('hex'),
    'content-length': request.headers['content-length'],
    'transfer-encoding': request.headers['transfer-encoding']
  }))
}
const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex')

test('without chunkedEncoding the body is collected and sent with its length', async (t) => {
  const url = await serve(t, echo)
  const request = net.request({ method: 'POST', url })
  request.write('first ')
  request.write(Buffer.from('second '))
  request.write('7468697264', 'hex')
  const answer = JSON.parse(await text(await respond(request)))
  assert.deepStrictEqual(answer, { method: 'POST', length: 18, hash: hashOf('first second third'), 'content-length': '18' })
})

test('with chunkedEncoding there is transfer-encoding: chunked and no content-length', async (t) => {
  const url = await serve(t, echo)
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  request.write('first ')
  const answer = JSON.parse(await text(await respond(request, 'second')))
  assert.deepStrictEqual(answer, { method: 'POST', length: 12, hash: hashOf('first second'), 'transfer-encoding': 'chunked' })
})

test('a GET may have a body', async (t) => {
  const url = await serve(t, echo)
  const { body } = await fetched(url, 'body')
  assert.strictEqual(JSON.parse(body).length, 4)
})

test('nothing goes out before end(), or before the first write with chunkedEncoding', async (t) => {
  let seen = 0
  const url = await serve(t, (request, response) => { seen++; request.resume(); response.end() })
  const kept = net.request({ method: 'POST', url })
  kept.write('x')
  await fetched(url)
  assert.strictEqual(seen, 1)
  const chunked = net.request({ method: 'POST', url })
  chunked.chunkedEncoding = true
  chunked.write('x')
  await once(chunked, 'response')
  assert.strictEqual(seen, 2)
  chunked.end()
  await respond(kept)
})

test('chunkedEncoding can be set once, and only before the request is started', () => {
  const request = net.request({ method: 'POST', url: 'http://localhost/' })
  request.chunkedEncoding = false
  assert.throws(() => { request.chunkedEncoding = true }, { message: 'chunkedEncoding can only be set once' })
  const begun = net.request({ method: 'POST', url: 'http://localhost/' })
  begun.write('x')
  assert.throws(() => { begun.chunkedEncoding = true }, { message: 'chunkedEncoding can only be set before the request is started' })
  begun.abort()
})

test('a chunked end() without a write sends an empty body', async (t) => {
  const url = await serve(t, echo)
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  const answer = JSON.parse(await text(await respond(request)))
  assert.deepStrictEqual([answer.length, answer['transfer-encoding']], [0, 'chunked'])
})

for (const chunked of [false, true]) {
  test(`a stream of 1 MiB piped into a request arrives whole, ${chunked ? 'in chunks' : 'with its length'}`, async (t) => {
    const url = await serve(t, echo)
    const whole = Buffer.alloc(1024 * 1024, 'netreq ')
    const request = net.request({ method: 'POST', url })
    request.chunkedEncoding = chunked
    const response = once(request, 'response')
    const pieces = Array.from({ length: 64 }, (_, index) => whole.subarray(index * 16384, (index + 1) * 16384))
    await pipeline(Readable.from(pieces), request)
    const answer = JSON.parse(await text((await response)[0]))
    assert.strictEqual(answer.hash, hashOf(whole))
  })
}

test('write callbacks are called later than write, in order, and finish comes behind', async (t) => {
  const url = await serve(t, echo)
  for (const chunked of [false, true]) {
    const order = []
    const request = net.request({ method: 'POST', url })
    request.chunkedEncoding = chunked
    request.on('finish', () => order.push('finish'))
    request.write('a', () => order.push('a'))
    request.write('b', 'utf8', () => order.push('b'))
    order.push('after')
    await respond(request)
    assert.deepStrictEqual(order, ['after', 'a', 'b', 'finish'])
  }
})

test('a body of 8 MiB comes whole and unchanged', async (t) => {
  const whole = Buffer.alloc(8 * 1024 * 1024)
  for (let at = 0; at < whole.length; at += 4) whole.writeUInt32LE(at, at)
  const url = await serve(t, (request, response) => response.end(whole))
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of await respond(net.request(url))) {
    hash.update(chunk)
    length += chunk.length
  }
  assert.deepStrictEqual([length, hash.digest('hex')], [whole.length, hashOf(whole)])
})

test('an encoded body is decoded', async (t) => {
  const url = await serve(t, (request, response) => {
    response.setHeader('content-encoding', 'gzip')
    response.end(gzipSync('plain text'))
  })
  assert.strictEqual((await fetched(url)).body, 'plain text')
})

test('a body that nobody reads stops the server', async (t) => {
  let sent = 0
  const chunk = Buffer.alloc(1024 * 1024)
  let stalled
  const stops = new Promise((resolve) => { stalled = resolve })
  const url = await serve(t, async (request, response) => {
    while (response.write(chunk) || sent < 3) {
      if (++sent > 50) break
      await new Promise(setImmediate)
    }
    sent++
    stalled()
    response.on('error', () => {})
  })
  const request = net.request(url)
  const response = await respond(request)
  await stops
  assert.ok(sent <= 25, `${sent} MiB were sent`)
  response.destroy()
})

test('a chunked upload waits for a server that does not read', async (t) => {
  let socket
  const url = await serve(t, (request) => { socket = request.socket; request.pause() })
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  request.on('error', () => {})
  let written = 0
  const chunk = Buffer.alloc(256 * 1024)
  const write = () => request.write(chunk, (error) => {
    if (!error && ++written < 1000) write()
  })
  write()
  // The write that waits goes on only when the server takes something.
  let last = -1
  while (last !== written) {
    last = written
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(written < 200, `${written * 256} KiB were taken`)
  assert.ok(socket)
  request.abort()
})

test('buffers that change after the write do not change the body', async (t) => {
  const url = await serve(t, (request, response) => request.pipe(response))
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  const chunk = Buffer.from('before')
  request.write(chunk)
  chunk.fill('x')
  structuredClone(chunk.buffer.slice(0))
  assert.strictEqual(await text(await respond(request)), 'before')
})

test('shared, resized and detached memory in a body is harmless', async (t) => {
  const url = await serve(t, echo)
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(65)
  for (const chunked of [false, true]) {
    const request = net.request({ method: 'POST', url })
    request.chunkedEncoding = chunked
    request.write(shared)
    const detached = new Uint8Array(8)
    request.write(detached)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    const response = await respond(request)
    assert.strictEqual(response.statusCode, 200)
    response.resume()
  }
})

test('the memory of a response cannot be taken away from later ones', async (t) => {
  const url = await serve(t, (request, response) => response.end('text'))
  const response = await respond(net.request(url))
  const [chunk] = await once(response, 'data')
  // Each is refused or does nothing, or takes what has been handed out alone.
  for (const take of [
    () => structuredClone(chunk.buffer, { transfer: [chunk.buffer] }),
    () => chunk.buffer.transfer?.()
  ]) {
    try {
      take()
    } catch {}
  }
  for (let count = 0; count < 3; count++) assert.strictEqual((await fetched(url)).body, 'text')
})

test('download-progress says how much of a body has come', async (t) => {
  const url = await serve(t, (request, response) => response.end(Buffer.alloc(1024 * 1024)))
  const response = await respond(net.request(url))
  const seen = []
  response.on('download-progress', (bytes) => seen.push(bytes)).resume()
  await once(response, 'end')
  assert.strictEqual(seen.at(-1), 1024 * 1024)
  assert.deepStrictEqual(seen, [...seen].sort((a, b) => a - b))
})

test('trailers are there once the body ended', async (t) => {
  const url = await serve(t, (request, response) => {
    response.writeHead(200, { Trailer: 'Sum' })
    response.write('x')
    response.addTrailers({ Sum: '42' })
    response.end()
  })
  const response = await fetched(url)
  assert.deepStrictEqual(response.rawTrailers, ['Sum', '42'])
  assert.deepStrictEqual(response.trailers, { sum: '42' })
})

test('upload-progress says what getUploadProgress says', async (t) => {
  const url = await serve(t, echo)
  const request = net.request({ method: 'POST', url })
  assert.deepStrictEqual(request.getUploadProgress(), { active: false, started: false, current: 0, total: 0 })
  let reports = 0
  request.on('upload-progress', (position, total) => {
    reports++
    assert.deepStrictEqual(request.getUploadProgress(), { active: true, started: true, current: position, total })
  })
  const response = await respond(request, Buffer.alloc(1024 * 1024))
  response.resume()
  assert.ok(reports > 0)
  const { current, total } = request.getUploadProgress()
  assert.deepStrictEqual([current, total], [1048576, 1048576])
})

test('what was written may be used for something else as soon as its callback is called', async (t) => {
  const url = await serve(t, async (request, response) => response.end(await received(request)))
  for (const chunked of [false, true]) {
    const request = net.request({ method: 'POST', url })
    request.chunkedEncoding = chunked
    const used = Buffer.alloc(4)
    for (const word of ['one ', 'two ', 'more']) {
      used.write(word)
      await new Promise((resolve) => request.write(used, resolve))
    }
    used.fill('x')
    assert.strictEqual(await text(await respond(request)), 'one two more')
  }
})

test('an empty first write begins a chunked request', async (t) => {
  const url = await serve(t, (request, response) => response.end('early'))
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  request.write('')
  assert.throws(() => request.setHeader('a', 'b'), { message: "Can't set headers after they are sent" })
  const [response] = await once(request, 'response')
  assert.strictEqual(await text(response), 'early')
  request.end()
})

test('who gives the memory of a chunk away takes nothing from other chunks and other responses', async (t) => {
  const bodies = [100, 5000, 70_000, 300_000].flatMap((size) => [1, 2, 3].map((at) => Buffer.alloc(size, `${size}/${at} `)))
  const url = await serve(t, (request, response) => response.end(bodies[Number(request.url.slice(1))]))
  const give = (chunk) => Buffer.from(structuredClone(chunk, { transfer: [chunk.buffer] }))
  const whole = await Promise.all(bodies.map(async (body, at) => {
    const response = await respond(net.request(url + at))
    const parts = []
    // Some are read as they come, some lie in their stream for a while.
    if (at % 2 === 0) {
      response.on('data', (chunk) => parts.push(give(chunk)))
      await once(response, 'end')
    } else {
      // Node may join what has lain there, in memory of its own pool that cannot be given away.
      for await (const chunk of response) parts.push(Buffer.from(chunk))
    }
    return Buffer.concat(parts)
  }))
  whole.forEach((body, at) => assert.ok(body.equals(bodies[at]), `body ${at}`))
})
