'use strict'
const test = require('node:test')
const assert = require('node:assert')
const { app, net, session } = require('..')
const { authority, secureServer } = require('./certificates.js')
const { serve, fetched, received } = require('./support.js')

const { folder } = authority(test)
process.env.NODE_EXTRA_CA_CERTS = `${folder}/ca.pem`
session.defaultSession.isPersistent()
delete process.env.NODE_EXTRA_CA_CERTS
test.afterEach(() => app.configureHostResolver({}))

/** A server for DNS over HTTPS that knows `zone`: by name the last parts of addresses in 127.0.0.0/24. */
async function dnsServer (t, zone) {
  const asked = []
  const origin = await secureServer(t, folder, 'leaf', async (request, response) => {
    const query = request.method === 'POST'
      ? await received(request)
      : Buffer.from(new URL(request.url, 'https://a').searchParams.get('dns'), 'base64url')
    const { name, type, end } = question(query)
    const kind = { 1: 'A', 28: 'AAAA' }[type]
    asked.push(`${request.method} ${name} ${kind}`)
    const records = kind === 'A' ? zone[name] ?? [] : []
    response.setHeader('content-type', 'application/dns-message')
    const head = Buffer.from([0, 0, 0x81, name in zone ? 0x80 : 0x83, 0, 1, 0, records.length, 0, 0, 0, 0])
    const answers = records.map((last) => [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, last])
    response.end(Buffer.concat([head, query.subarray(12, end), Buffer.from(answers.flat())]))
  })
  return { template: `${origin}dns-query`, asked }
}

function question (query) {
  const labels = []
  let at = 12
  for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]))
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 }
}

test('names are resolved by DNS over HTTPS, once for as long as the answer holds', async (t) => {
  const { template, asked } = await dnsServer(t, { 'here.example': [1] })
  const origin = await serve(t, (request, response) => response.end(request.headers.host))
  const { port } = new URL(origin)
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [template] })

  for (let times = 0; times < 2; times++) {
    const response = await fetched(`http://here.example:${port}/`)
    assert.deepStrictEqual([response.body, response.remoteAddress], [`here.example:${port}`, '127.0.0.1'])
    session.defaultSession.closeAllConnections()
  }
  assert.deepStrictEqual(asked.sort(), ['POST here.example A', 'POST here.example AAAA'])

  await session.defaultSession.clearHostResolverCache()
  assert.deepStrictEqual(await net.resolveHost('here.example', { queryType: 'A' }), { endpoints: [{ address: '127.0.0.1', family: 'ipv4' }] })
  assert.strictEqual(asked.length, 3)
})

test('a template with a variable is asked by GET, and a name that is not there is not resolved', async (t) => {
  const { template, asked } = await dnsServer(t, { 'here.example': [2, 3] })
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [`${template}{?dns}`] })
  const { endpoints } = await net.resolveHost('here.example')
  assert.deepStrictEqual(endpoints.map(({ address }) => address), ['127.0.0.2', '127.0.0.3'])
  await assert.rejects(net.resolveHost('nowhere.example'), { message: 'net::ERR_NAME_NOT_RESOLVED', errno: -105 })
  await assert.rejects(fetched('http://nowhere.example/'), { message: 'net::ERR_NAME_NOT_RESOLVED', phase: 'resolve' })
  assert.ok(asked.every((one) => one.startsWith('GET ')))
})

test('automatic asks the system where DNS over HTTPS has no answer, secure asks nobody else', async (t) => {
  const { template, asked } = await dnsServer(t, {})
  const host = require('node:os').hostname()
  app.configureHostResolver({ secureDnsMode: 'automatic', secureDnsServers: [template] })
  assert.ok((await net.resolveHost(host)).endpoints.length > 0)
  assert.strictEqual(asked.length, 2)
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [template] })
  await assert.rejects(net.resolveHost(host), { message: 'net::ERR_NAME_NOT_RESOLVED' })
  assert.ok((await net.resolveHost(host, { secureDnsPolicy: 'disable' })).endpoints.length > 0)
})

test('a look-up says whom to ask and whether what is known will do', async (t) => {
  const { template, asked } = await dnsServer(t, { 'here.example': [1] })
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [template] })
  await assert.rejects(net.resolveHost('here.example', { source: 'localOnly' }), { message: 'net::ERR_DNS_CACHE_MISS' })
  await net.resolveHost('here.example', { source: 'dns' })
  await net.resolveHost('here.example', { source: 'localOnly' })
  assert.strictEqual(asked.length, 2)
  await net.resolveHost('here.example', { cacheUsage: 'disallowed' })
  assert.strictEqual(asked.length, 4)
  await assert.rejects(net.resolveHost('here.example', { source: 'mdns' }), { message: 'net::ERR_NOT_IMPLEMENTED' })
})

test('happy eyeballs can be switched off', async (t) => {
  app.configureHostResolver({ enableHappyEyeballs: false })
  const origin = await serve(t, (request, response) => response.end('hello'))
  // ::1 refuses before 127.0.0.1 is dialled.
  const response = await fetched(origin.replace('127.0.0.1', 'localhost'))
  assert.deepStrictEqual([response.body, response.remoteAddress], ['hello', '127.0.0.1'])
})

test('what cannot be meant is refused in Electron\'s words, and nothing changes', async (t) => {
  const { template, asked } = await dnsServer(t, { 'here.example': [1] })
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [template] })
  for (const [options, message] of [
    [undefined, 'options must be an object'],
    [{ enableBuiltInResolver: 'yes' }, 'enableBuiltInResolver must be a boolean'],
    [{ enableHappyEyeballs: 1 }, 'enableHappyEyeballs must be a boolean'],
    [{ enableAdditionalDnsQueryTypes: null }, 'enableAdditionalDnsQueryTypes must be a boolean'],
    [{ secureDnsMode: 'on' }, 'secureDnsMode must be one of: off, automatic, secure'],
    [{ secureDnsServers: template }, 'secureDnsServers must be an array of strings'],
    [{ secureDnsServers: [template, 7] }, 'secureDnsServers must be an array of strings'],
    [{ secureDnsServers: ['http://a.example/'] }, 'not a valid DoH template: http://a.example/'],
    [{ secureDnsServers: [template, 'https://a.example/{'] }, 'not a valid DoH template: https://a.example/{']
  ]) {
    assert.throws(() => app.configureHostResolver(options), new TypeError(message))
  }
  await net.resolveHost('here.example')
  assert.strictEqual(asked.length, 2)
  for (const [options, message] of [
    [{ queryType: 'MX' }, 'queryType must be one of: A, AAAA'],
    [{ source: 'hosts' }, 'source must be one of: any, system, dns, mdns, localOnly'],
    [{ cacheUsage: true }, 'cacheUsage must be one of: allowed, staleAllowed, disallowed'],
    [{ secureDnsPolicy: 'off' }, 'secureDnsPolicy must be one of: allow, disable']
  ]) {
    await assert.rejects(net.resolveHost('here.example', options), new TypeError(message))
  }
})

test('a worker resolves as the process was told', async (t) => {
  const { Worker } = require('node:worker_threads')
  const { template, asked } = await dnsServer(t, { 'here.example': [1] })
  app.configureHostResolver({ secureDnsMode: 'secure', secureDnsServers: [template] })
  const worker = new Worker(`
    const { net } = require(${JSON.stringify(require.resolve('..'))})
    net.resolveHost('here.example').then(({ endpoints }) => require('node:worker_threads').parentPort.postMessage(endpoints))
  `, { eval: true })
  const [endpoints] = await require('node:events').once(worker, 'message')
  assert.deepStrictEqual(endpoints, [{ address: '127.0.0.1', family: 'ipv4' }])
  assert.strictEqual(asked.length, 2)
})
