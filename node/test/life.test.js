'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { Worker } = require('node:worker_threads')
const { spawn } = require('node:child_process')
const { net, session } = require('..')
const { serve, fetched, once, happens } = require('./support.js')

const PACKAGE = JSON.stringify(require.resolve('..'))

test('a hundred workers that start and end in the middle of requests harm nobody', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/slow') return
    request.resume()
    response.write(Buffer.alloc(100000))
    if (request.url === '/whole') response.end()
  })
  const program = `
    const { parentPort } = require('node:worker_threads')
    const { net } = require(${PACKAGE})
    for (const path of ['slow', 'part', 'whole']) {
      const request = net.request({ url: ${JSON.stringify(url)} + path, partition: 'worker' })
      request.on('response', (response) => response.on('data', () => {}))
      request.on('error', () => {})
      request.end()
    }
    const upload = net.request({ method: 'POST', url: ${JSON.stringify(url)} + 'part', partition: 'worker' })
    upload.chunkedEncoding = true
    upload.on('error', () => {})
    const write = () => upload.write(Buffer.alloc(1000), write)
    write()
    setImmediate(() => parentPort.postMessage('started'))`
  for (let round = 0; round < 10; round++) {
    const workers = Array.from({ length: 10 }, () => new Worker(program, { eval: true }))
    await Promise.all(workers.map(async (worker, index) => {
      await once(worker, 'message')
      if (index % 2) await new Promise((resolve) => setTimeout(resolve, index))
      await worker.terminate()
    }))
  }
  assert.strictEqual((await fetched(url + 'whole')).statusCode, 200)
})

test('a worker has the sessions of the process, and objects of its own', async (t) => {
  const name = 'shared with a worker'
  await session.fromPartition(name).cookies.set({ url: 'http://localhost/', name: 'a', value: 'b' })
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads')
    require(${PACKAGE}).session.fromPartition(${JSON.stringify(name)}).cookies.get({})
      .then((found) => parentPort.postMessage(found[0].value))`, { eval: true })
  assert.deepStrictEqual(await once(worker, 'message'), ['b'])
  assert.deepStrictEqual(await once(worker, 'exit'), [0])
})

const ends = async (program, env) => {
  const child = spawn(process.execPath, ['--expose-gc', '-e', program], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (part) => { output += part })
  const [code, signal] = await once(child, 'close')
  return [code, signal, output.trim()]
}

test('the process exits when nothing is in flight, and not before', async (t) => {
  const url = await serve(t, (request, response) => setImmediate(() => response.end('late')))
  const program = `
    const { net, session } = require(${PACKAGE})
    session.defaultSession.cookies.on('changed', () => {})
    net.request('http://localhost/')
    const request = net.request(${JSON.stringify(url)})
    request.on('response', (response) => response.on('data', (data) => console.log(String(data))))
    request.end()`
  assert.deepStrictEqual(await ends(program), [0, null, 'late'])
})

for (const [when, code] of [
  ['before the response', 'request.end(); process.exit(3)'],
  ['in the response', "request.on('response', () => process.exit(3)); request.end()"],
  ['in its body', "request.on('response', (response) => response.on('data', () => process.exit(3))); request.end()"]
]) {
  test(`a process that exits ${when} ends cleanly`, async (t) => {
    const url = await serve(t, (request, response) => response.write('x'))
    const program = `
      const request = require(${PACKAGE}).net.request(${JSON.stringify(url)})
      ${code}`
    assert.deepStrictEqual(await ends(program), [3, null, ''])
  })
}

test('objects that nobody holds finish their work and are collected', async (t) => {
  const url = await serve(t, async (request, response) => {
    for await (const part of request) void part
    response.end(Buffer.alloc(200000))
  })
  const collected = []
  const registry = new FinalizationRegistry((name) => collected.push(name))
  const begin = (name, options, body) => {
    const request = net.request({ url, ...options })
    registry.register(request, name)
    const closed = new Promise((resolve) => request.on('close', resolve))
    request.on('response', (response) => {
      registry.register(response, name + ' response')
      response.resume()
    })
    request.end(body)
    return closed
  }
  net.request(url)
  const all = [begin('get', {}), begin('post', { method: 'POST' }, Buffer.alloc(1024 * 1024))]
  global.gc()
  await Promise.all(all)
  for (let round = 0; round < 50 && collected.length < 4; round++) {
    await new Promise(setImmediate)
    global.gc()
  }
  assert.deepStrictEqual(collected.toSorted(), ['get', 'get response', 'post', 'post response'])
})

test('a thousand requests at once all come to their end', async (t) => {
  const url = await serve(t, (request, response) => response.end(request.url))
  const bodies = await Promise.all(Array.from({ length: 1000 }, (_, index) => fetched(url + index).then(({ body }) => body)))
  assert.deepStrictEqual(bodies, Array.from({ length: 1000 }, (_, index) => `/${index}`))
})

test('requests that are aborted at any moment leave nothing behind', async (t) => {
  const url = await serve(t, (request, response) => {
    request.resume()
    response.write(Buffer.alloc(70000))
    setImmediate(() => response.end())
  })
  await Promise.all(Array.from({ length: 100 }, (_, index) => {
    const request = net.request({ method: index % 2 ? 'POST' : 'GET', url })
    request.chunkedEncoding = index % 4 === 1
    request.on('response', (response) => response.resume())
    const closed = happens(request, 'close')
    request.end(index % 2 ? Buffer.alloc(10000) : undefined)
    setTimeout(() => request.abort(), index % 10)
    return closed
  }))
})

test('a head that is larger than all that is lent at once disturbs nothing behind it', async (t) => {
  const server = spawn(process.execPath, ['--max-http-header-size=400000', '-e', `
    require('node:http').createServer((request, response) => {
      if (request.url === '/head') response.setHeader('x-large', 'x'.repeat(240_000))
      response.end(Buffer.alloc(200_000))
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`])
  t.after(() => server.kill())
  const [port] = await once(server.stdout, 'data')
  const url = `http://127.0.0.1:${String(port).trim()}/`
  for (let times = 0; times < 5; times++) {
    assert.strictEqual((await (await net.fetch(`${url}head`)).arrayBuffer()).byteLength, 200_000)
    const body = net.fetch(url).then((response) => response.arrayBuffer())
    block(50)
    const set = session.defaultSession.cookies.set({ url: 'http://a.test/', name: 'a', value: 'b' })
    block(50)
    assert.strictEqual((await body).byteLength, 200_000)
    await set
  }
})

/** Long enough for all there is to lie ready at once. */
function block (milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

test('while JavaScript does something else for long, the server waits and nothing piles up', async (t) => {
  const piece = Buffer.alloc(1024 * 1024)
  const server = spawn(process.execPath, ['-e', `
    const piece = Buffer.alloc(1024 * 1024)
    let sent = 0
    require('node:http').createServer((request, response) => {
      if (request.url === '/sent') return response.end(String(sent))
      const send = () => {
        while (sent < 64) {
          sent++
          if (!response.write(piece)) return response.once('drain', send)
        }
        response.end()
      }
      send()
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`])
  t.after(() => server.kill())
  const [port] = await once(server.stdout, 'data')
  const url = `http://127.0.0.1:${String(port).trim()}/`
  const request = net.request(url)
  request.end()
  const [response] = await once(request, 'response')
  let length = 0
  response.on('data', (chunk) => { length += chunk.length })
  block(1000)
  const sent = Number((await fetched({ url: `${url}sent`, partition: 'beside' })).body)
  assert.ok(sent < 30, `${sent} MiB were taken while nobody looked`)
  await happens(response, 'end')
  assert.strictEqual(length, 64 * piece.length)
})

test('requests that were never started, or hold an upload, are collected or come to their end', async (t) => {
  let uploaded = 0
  const url = await serve(t, (request, response) => {
    request.on('data', (part) => { uploaded += part.length })
    request.on('end', () => response.end())
  })
  let collected = 0
  const registry = new FinalizationRegistry(() => { collected++ })
  for (let times = 0; times < 20; times++) {
    registry.register(net.request(url))
    const whole = net.request({ method: 'POST', url })
    whole.end(Buffer.alloc(1024 * 1024))
    registry.register(whole)
    const chunked = net.request({ method: 'POST', url })
    chunked.chunkedEncoding = true
    for (let piece = 0; piece < 16; piece++) chunked.write(Buffer.alloc(64 * 1024))
    chunked.end()
    registry.register(chunked)
  }
  while (uploaded < 40 * 1024 * 1024 || collected < 50) {
    global.gc()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.strictEqual(uploaded, 40 * 1024 * 1024)
})
