'use strict'
const test = require('node:test')
const assert = require('node:assert')
const net_ = require('node:net')
const { spawnSync } = require('node:child_process')
const { setTimeout: delay } = require('node:timers/promises')
const { net } = require('..')
const { serve, listen, respond, text, note, once, happens, fetched } = require('./support.js')

const REQUEST = ['finish', 'response', 'redirect', 'abort', 'error', 'close']
const RESPONSE = ['end', 'aborted', 'error', 'close']

/** A request whose events, and those of its response, are written down. */
function noted (options) {
  const events = []
  const request = net.request(options)
  note(events, request, REQUEST)
  request.on('response', (response) => note(events, response, RESPONSE, 'response '))
  return { request, events }
}

test('finish, response, the body, its end, and close behind all', async (t) => {
  const url = await serve(t, (request, response) => response.end('body'))
  const { request, events } = noted(url)
  request.on('response', (response) => response.on('data', () => events.push('data')))
  request.end()
  await happens(request, 'close')
  assert.deepStrictEqual(events, ['finish', 'response', 'data', 'response end', 'response close', 'close'])
})

test('a response that nobody listens for is thrown away, and close comes', async (t) => {
  const url = await serve(t, (request, response) => response.end(Buffer.alloc(300000)))
  const request = net.request(url)
  request.end()
  await happens(request, 'close')
})

test('the body of a 404 is delivered like any other', async (t) => {
  const url = await serve(t, (request, response) => { response.statusCode = 404; response.end('not here') })
  const response = await fetched(url)
  assert.deepStrictEqual([response.statusCode, response.statusMessage, response.body], [404, 'Not Found', 'not here'])
})

test('version and facts of the response', async (t) => {
  const url = await serve(t, (request, response) => response.end('x'))
  const response = await fetched(url)
  assert.deepStrictEqual(
    [response.httpVersion, response.httpVersionMajor, response.httpVersionMinor, response.protocol],
    ['1.1', 1, 1, 'http/1.1']
  )
  assert.deepStrictEqual(
    [response.url, response.redirected, response.remoteAddress, response.remotePort],
    [url, false, '127.0.0.1', Number(new URL(url).port)]
  )
  assert.ok(response.timing.receive.end >= response.timing.send.start)
})

test('an error comes with Chromium\'s name, number, phase and cause, then close', async (t) => {
  const url = await listen(t, net_.createServer((socket) => socket.once('data', () => socket.end())))
  const { request, events } = noted(url)
  const failure = happens(request, 'error')
  const closed = happens(request, 'close')
  request.end()
  const error = await failure
  assert.deepStrictEqual([error.message, error.code, error.errno, error.phase], ['net::ERR_EMPTY_RESPONSE', 'ERR_EMPTY_RESPONSE', -324, 'wait'])
  assert.deepStrictEqual(Object.keys(error).toSorted(), ['code', 'errno', 'phase', 'url'])
  await closed
  assert.deepStrictEqual(events, ['finish', 'error', 'close'])
})

test('a refused connection is net::ERR_CONNECTION_REFUSED, its cause the system\'s', async () => {
  const server = net_.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  await assert.rejects(respond(net.request(`http://127.0.0.1:${port}/`)), (error) => {
    assert.strictEqual(error.message, 'net::ERR_CONNECTION_REFUSED')
    assert.strictEqual(error.phase, 'connect')
    assert.match(error.cause.message, /refused/i)
    return true
  })
})

test('a body that breaks off is aborted, and an error of the request first and of the response then', async (t) => {
  const url = await listen(t, net_.createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      setImmediate(() => socket.destroy())
    })
    socket.on('error', () => {})
  }))
  const { request, events } = noted(url)
  request.on('response', (response) => response.resume())
  request.end()
  await happens(request, 'close')
  assert.deepStrictEqual(events, ['finish', 'response', 'response aborted', 'error', 'response error', 'response close', 'close'])
})

test('abort emits abort on the next tick, once, and then close', async (t) => {
  const url = await serve(t, () => {})
  const { request, events } = noted(url)
  request.end()
  await once(request, 'finish')
  request.abort()
  request.abort()
  assert.deepStrictEqual(events, ['finish'])
  await happens(request, 'close')
  await delay(20)
  assert.deepStrictEqual(events, ['finish', 'abort', 'close'])
})

test('abort before anything was written: later writes do nothing and do not throw', async () => {
  const { request, events } = noted('http://localhost/')
  request.abort()
  request.write('x')
  request.end('y')
  await happens(request, 'close')
  await delay(20)
  assert.deepStrictEqual(events, ['abort', 'close'])
})

test('abort after the first write of a body that is kept', async () => {
  const { request, events } = noted({ method: 'POST', url: 'http://localhost/' })
  request.write('x')
  request.abort()
  request.end('y')
  await happens(request, 'close')
  await delay(20)
  assert.deepStrictEqual(events, ['abort', 'close'])
})

test('abort while uploading in chunks: no finish, and the server sees the connection closed', async (t) => {
  let gone
  const isGone = new Promise((resolve) => { gone = resolve })
  let begun
  const hasBegun = new Promise((resolve) => { begun = resolve })
  const url = await serve(t, (request) => {
    request.on('error', () => {})
    request.on('close', gone)
    request.once('data', begun)
  })
  const { request, events } = noted({ method: 'POST', url })
  request.chunkedEncoding = true
  request.write(Buffer.alloc(64 * 1024))
  await hasBegun
  const closed = happens(request, 'close')
  request.write('more')
  request.abort()
  request.end()
  await closed
  await isGone
  assert.deepStrictEqual(events, ['abort', 'close'])
})

test('abort in the response handler: the response emits aborted and close, and no end and no error', async (t) => {
  const url = await serve(t, (request, response) => response.write(Buffer.alloc(1000)))
  const { request, events } = noted(url)
  request.on('response', () => request.abort())
  request.end()
  await once(request, 'abort')
  assert.ok(events.includes('response close'))
  await delay(20)
  assert.deepStrictEqual(events, ['finish', 'response', 'response aborted', 'response close', 'abort', 'close'])
})

test('abort after close does nothing', async (t) => {
  const url = await serve(t, (request, response) => response.end())
  const { request, events } = noted(url)
  request.on('response', (response) => response.resume())
  request.end()
  await happens(request, 'close')
  request.abort()
  await delay(20)
  assert.strictEqual(events.at(-1), 'close')
  assert.ok(!events.includes('abort'))
})

test('destroying a response ends its request', async (t) => {
  let gone
  const isGone = new Promise((resolve) => { gone = resolve })
  const url = await serve(t, (request, response) => { response.on('close', gone); response.write('x') })
  const { request, events } = noted(url)
  request.on('response', (response) => response.destroy())
  request.end()
  await happens(request, 'close')
  await isGone
  assert.deepStrictEqual(events, ['finish', 'response', 'response close', 'close'])
})

test('destroying a request with an error emits it', async (t) => {
  const url = await serve(t, () => {})
  const { request, events } = noted(url)
  const reason = new Error('enough')
  request.end()
  request.destroy(reason)
  const closed = happens(request, 'close')
  assert.strictEqual(await happens(request, 'error'), reason)
  await closed
  assert.deepStrictEqual(events.filter((event) => event !== 'finish'), ['error', 'close'])
})

test('an early answer comes while the body is still being sent', async (t) => {
  const url = await serve(t, (request, response) => { request.resume(); response.end('early') })
  const request = net.request({ method: 'POST', url })
  request.chunkedEncoding = true
  const closed = once(request, 'close')
  request.write('first')
  const [response] = await once(request, 'response')
  assert.strictEqual(await text(response), 'early')
  request.write('second')
  request.end('third')
  await closed
})

test('a signal ends the request with its reason', async (t) => {
  const url = await serve(t, () => {})
  const control = new AbortController()
  const request = net.request({ url, signal: control.signal })
  request.end()
  const reason = new Error('no longer')
  setImmediate(() => control.abort(reason))
  await assert.rejects(once(request, 'close'), reason)
  await assert.rejects(respond(net.request({ url, signal: AbortSignal.abort(reason) })), reason)
})

test('a time limit ends the request', async (t) => {
  const url = await serve(t, () => {})
  for (const timeout of [50, { total: 50 }, { firstByte: 50 }]) {
    await assert.rejects(respond(net.request({ url, timeout })), { message: 'net::ERR_TIMED_OUT', isTimeout: true, phase: 'wait' })
  }
})

test('an exception in a listener surfaces as an uncaught exception, and what follows is not lost', async (t) => {
  const url = await serve(t, (request, response) => response.end('body'))
  for (const event of ['response', 'data', 'end', 'finish', 'close']) {
    const program = `
      const { net } = require(${JSON.stringify(require.resolve('..'))})
      process.once('uncaughtException', (error) => { console.log(error.message) })
      const request = net.request(${JSON.stringify(url)})
      const fail = () => { throw new Error('from ${event}') }
      request.on('response', (response) => {
        response.on('data', () => {})
        if ('${event}' === 'data' || '${event}' === 'end') response.on('${event}', fail)
      })
      if (!['data', 'end'].includes('${event}')) request.once('${event}', fail)
      request.on('close', () => console.log('close'))
      request.end()`
    const child = require('node:child_process').spawn(process.execPath, ['-e', program])
    let output = ''
    child.stdout.on('data', (part) => { output += part })
    child.stderr.on('data', (part) => { output += part })
    const [code] = await once(child, 'close')
    // Node's streams go no further behind an `end` that throws.
    const isLast = event === 'close' || event === 'end'
    const expected = isLast ? [`from ${event}`] : [`from ${event}`, 'close']
    assert.deepStrictEqual([output.trim().split('\n').filter((line) => expected.includes(line)), code], [expected, 0], output)
  }
})

test('an error that nobody listens for is an uncaught exception', () => {
  const program = `
    const { net } = require(${JSON.stringify(require.resolve('..'))})
    net.request('no url').end()`
  const { status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
  assert.strictEqual(status, 1)
  assert.match(stderr, /TypeError: Invalid URL/)
})

test("with compat: 'electron' close follows finish, abort comes late too, and errors say their name alone", async (t) => {
  const url = await serve(t, (request, response) => request.url === '/cut' ? request.socket.end() : response.write('x'))
  const { request, events } = noted({ url, compat: 'electron' })
  request.on('response', () => request.abort())
  request.end()
  await happens(request, 'abort')
  await delay(20)
  assert.deepStrictEqual(events, ['finish', 'close', 'response', 'response close', 'abort'])

  const failing = net.request({ url: url + 'cut', compat: 'electron' })
  const failure = happens(failing, 'error')
  failing.end()
  const error = await failure
  assert.deepStrictEqual([error.message, Object.keys(error)], ['net::ERR_EMPTY_RESPONSE', []])
})

test('listeners of a request and its response run in the context that it was made in', async (t) => {
  const { AsyncLocalStorage } = require('node:async_hooks')
  const url = await serve(t, (request, response) => {
    if (request.url === '/') response.writeHead(302, { location: '/there' }).end()
    else response.end('body')
  })
  const context = new AsyncLocalStorage()
  const seen = []
  await Promise.all(['first', 'second'].map((name) => context.run(name, () => {
    const request = net.request({ url, redirect: 'manual' })
    const note = (what) => () => seen.push(`${name} ${what} ${context.getStore()}`)
    request.on('redirect', note('redirect')).on('redirect', () => request.followRedirect())
    request.on('response', note('response'))
    request.on('response', (response) => response.on('data', note('data')).on('end', note('end')))
    request.on('close', note('close'))
    // Ended by somebody else, as out of a queue.
    context.exit(() => request.end())
    return happens(request, 'close')
  })))
  assert.deepStrictEqual(seen.sort(), ['first', 'second'].flatMap((name) =>
    ['close', 'data', 'end', 'redirect', 'response'].map((what) => `${name} ${what} ${name}`)))
})

test('a response that nobody was given fails in silence: the request says why', async (t) => {
  const url = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('half')
    setImmediate(() => request.socket.destroy())
  })
  const request = net.request(url)
  request.end()
  const [error] = await once(request, 'error')
  assert.match(error.message, /^net::ERR_/)
})

test('a data listener that throws once gets the rest', () => {
  const script = `
    const { net } = require(${JSON.stringify(require.resolve('..'))})
    const server = require('node:http').createServer((request, response) => response.end(Buffer.alloc(400 * 1024)))
    process.on('uncaughtException', ({ message }) => console.log(message))
    server.listen(0, '127.0.0.1', () => {
      const request = net.request('http://127.0.0.1:' + server.address().port)
      request.on('response', (response) => {
        let length = 0
        response.on('data', (chunk) => {
          const isFirst = length === 0
          length += chunk.length
          if (isFirst) throw new Error('once')
        })
        response.on('end', () => { console.log(length); server.close() })
      })
      request.end()
    })`
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 })
  assert.strictEqual(stdout, `once\n${400 * 1024}\n`)
})

test('before it is started an aborted request takes header fields, to no effect', () => {
  const request = net.request('http://127.0.0.1/')
  request.abort()
  request.setHeader('A', 'b')
  request.removeHeader('A')
  request.chunkedEncoding = true
})

test('what was aborted before it was started never reaches the server', async (t) => {
  let reached = 0
  const url = await serve(t, (request, response) => { reached++; response.end() })
  const reason = new Error('not wanted')
  for (let times = 0; times < 20; times++) {
    const request = net.request({ method: 'POST', url, signal: AbortSignal.abort(reason) })
    const failed = happens(request, 'error')
    const closed = happens(request, 'close')
    request.end('x')
    assert.strictEqual(await failed, reason)
    await closed
    await assert.rejects(net.fetch(url, { method: 'POST', body: 'x', signal: AbortSignal.abort(reason) }), reason)
  }
  await fetched(url)
  assert.strictEqual(reached, 1)
})

test('what is aborted in the turn that started it never reaches the server', async (t) => {
  let reached = 0
  const url = await serve(t, (request, response) => { reached++; response.end() })
  await fetched(url)
  for (let times = 0; times < 20; times++) {
    const control = new AbortController()
    const pending = net.fetch(url, { signal: control.signal })
    const aborted = net.request({ method: 'POST', url })
    const destroyed = net.request({ method: 'POST', url })
    for (const request of [aborted, destroyed]) request.end('x')
    // The platform's Request takes a turn of its own.
    await null
    control.abort()
    aborted.abort()
    destroyed.destroy()
    await assert.rejects(pending, { name: 'AbortError' })
  }
  await fetched(url)
  assert.strictEqual(reached, 2)
})

test('one signal ends many requests, without a warning, and keeps none of them', async (t) => {
  const url = await serve(t, () => {})
  const warned = []
  const warn = (warning) => warned.push(warning.message)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  const control = new AbortController()
  let collected = 0
  const registry = new FinalizationRegistry(() => { collected++ })
  for (let times = 0; times < 50; times++) registry.register(net.request({ url, signal: control.signal }))
  const requests = Array.from({ length: 50 }, () => net.request({ url, signal: control.signal }))
  const ended = requests.map((request) => new Promise((resolve) => request.on('error', resolve).end()))
  while (collected < 40) {
    global.gc()
    await delay(10)
  }
  const reason = new Error('all of them')
  control.abort(reason)
  assert.ok((await Promise.all(ended)).every((error) => error === reason))
  assert.deepStrictEqual(warned, [])
})

test('abort behind the end of a response is none of the response', async (t) => {
  const url = await serve(t, (request, response) => response.end('whole'))
  const request = net.request(url)
  const response = await respond(request)
  const events = []
  note(events, response, ['aborted', 'end', 'close'])
  response.on('end', () => request.abort()).resume()
  await happens(request, 'close')
  assert.deepStrictEqual([events, response.aborted], [['end', 'close'], false])
})
