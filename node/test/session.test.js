'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFile, spawnSync } = require('node:child_process')
const { promisify } = require('node:util')
const { app, net, session } = require('..')
const { serve, fetched, respond } = require('./support.js')

const folderFor = (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-session-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('storagePath and isPersistent say where a session is kept', (t) => {
  assert.strictEqual(session.defaultSession.isPersistent(), true)
  assert.strictEqual(session.fromPartition('memory').storagePath, null)
  assert.strictEqual(session.fromPartition('memory').isPersistent(), false)
  const [one, two] = ['persist:one', 'persist:two'].map((name) => session.fromPartition(name).storagePath)
  assert.notStrictEqual(one, two)
  assert.ok(path.isAbsolute(one))
  const folder = folderFor(t)
  assert.strictEqual(session.fromPath(folder).storagePath, folder)
  assert.strictEqual(session.fromPath(folder), session.fromPath(folder))
  assert.ok(session.defaultSession.storagePath.startsWith(app.getPath('userData')))
})

test('fromPath wants an absolute path', () => {
  assert.throws(() => session.fromPath(''), { name: 'TypeError', message: 'An empty path was specified' })
  assert.throws(() => session.fromPath('relative'), { name: 'TypeError', message: 'An absolute path was not provided' })
})

test('app emits session-created with each new session', () => {
  const seen = []
  app.on('session-created', (made) => seen.push(made))
  const made = session.fromPartition('newly made')
  session.fromPartition('newly made')
  app.removeAllListeners('session-created')
  assert.deepStrictEqual(seen, [made])
})

test('setUserAgent sets the agent and the languages of later requests', async (t) => {
  const url = await serve(t, (request, response) => response.end(JSON.stringify(request.headers)))
  const here = session.fromPartition('agent')
  assert.match(here.getUserAgent(), /^netreq\//)
  here.setUserAgent('mine/1', 'en-US,fr,de')
  assert.strictEqual(here.getUserAgent(), 'mine/1')
  const sent = JSON.parse((await fetched({ url, session: here })).body)
  assert.deepStrictEqual([sent['user-agent'], sent['accept-language']], ['mine/1', 'en-US,fr;q=0.9,de;q=0.8'])
})

test('preconnect refuses what is no URL and too many sockets', () => {
  const here = session.fromPartition('preconnect')
  const bad = { message: 'Must pass non-empty valid url to session.preconnect.' }
  assert.throws(() => here.preconnect({ url: '' }), bad)
  assert.throws(() => here.preconnect({}), bad)
  for (const numSockets of [0, 7, -1]) {
    assert.throws(() => here.preconnect({ url: 'http://localhost/', numSockets }), { message: 'numSocketsToPreconnect is outside range [1,6]' })
  }
})

test('closeAllConnections fails requests in flight', async (t) => {
  const here = session.fromPartition('closing')
  let arrived
  const hasArrived = new Promise((resolve) => { arrived = resolve })
  const url = await serve(t, () => arrived())
  const failed = assert.rejects(respond(net.request({ url, session: here })), { message: 'net::ERR_ABORTED' })
  await hasArrived
  await here.closeAllConnections()
  await failed
})

test('cookies of a persist: partition survive a process that exits right after', (t) => {
  const folder = folderFor(t)
  const run = (code) => {
    const program = `const { session, net } = require(${JSON.stringify(require.resolve('..'))}); (async () => { ${code} })()`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', env: { ...process.env, NETREQ_DATA_DIR: folder } })
    assert.strictEqual(stderr, '')
    return stdout.trim()
  }
  run(`
    const server = require('node:http').createServer((request, response) => response.setHeader('Set-Cookie', 'kept=1; Max-Age=1000').end())
    server.listen(0, '127.0.0.1', () => {
      const request = net.request({ url: 'http://127.0.0.1:' + server.address().port, partition: 'persist:x', useSessionCookies: true })
      request.on('response', () => process.exit())
      request.end()
    })`)
  assert.strictEqual(run("console.log((await session.fromPartition('persist:x').cookies.get({}))[0]?.value)"), '1')
  assert.strictEqual(run("console.log((await session.defaultSession.cookies.get({})).length)"), '0')
})

test('what netreq does not have yet is net::ERR_NOT_IMPLEMENTED', () => {
  for (const name of ['setProxy', 'resolveProxy', 'getCacheSize', 'downloadURL']) {
    assert.throws(() => session.defaultSession[name]({}), { message: 'net::ERR_NOT_IMPLEMENTED', code: 'ERR_NOT_IMPLEMENTED' })
  }
})

test('resolveHost answers by the host rules', async () => {
  app.commandLine.appendSwitch('host-resolver-rules', 'MAP ipv4.localhost2 10.0.0.1, MAP ipv6.localhost2 [::1], MAP notfound.localhost2 ~NOTFOUND')
  const here = session.fromPartition('rules')
  app.commandLine.removeSwitch('host-resolver-rules')
  assert.deepStrictEqual(await here.resolveHost('ipv4.localhost2'), { endpoints: [{ family: 'ipv4', address: '10.0.0.1' }] })
  assert.deepStrictEqual(await here.resolveHost('ipv6.localhost2', { queryType: 'AAAA' }), { endpoints: [{ family: 'ipv6', address: '::1' }] })
  for (const [host, options] of [['notfound.localhost2'], ['ipv4.localhost2', { queryType: 'AAAA' }]]) {
    await assert.rejects(here.resolveHost(host, options), { message: 'net::ERR_NAME_NOT_RESOLVED', errno: -105 })
  }
  assert.ok((await net.resolveHost('127.0.0.1')).endpoints.length === 1)
})

test('a switch whose feature is not there yet is refused, and any other one is kept', () => {
  const line = app.commandLine
  for (const name of ['proxy-server', 'PROXY-PAC-URL', 'proxy-auto-detect', 'auth-server-allowlist', 'log-net-log']) {
    assert.throws(() => line.appendSwitch(name, 'x'), { message: 'net::ERR_NOT_IMPLEMENTED', code: 'ERR_NOT_IMPLEMENTED' })
    assert.strictEqual(line.hasSwitch(name), false)
  }
  for (const name of ['no-proxy-server', 'proxy-bypass-list', 'disable-http2', 'Disable-HTTP-Cache', 'disk-cache-size', 'js-flags']) {
    line.appendSwitch(name, 1)
    assert.deepStrictEqual([line.hasSwitch(name.toLowerCase()), line.getSwitchValue(name)], [true, '1'])
    line.removeSwitch(name)
    assert.deepStrictEqual([line.hasSwitch(name), line.getSwitchValue(name)], [false, ''])
  }
  line.appendArgument('https://example.org')
})

test('a partition by another name is the same session', () => {
  assert.strictEqual(session.fromPartition('persist:'), session.defaultSession)
  assert.strictEqual(session.fromPartition('persist:Name'), session.fromPartition('persist:name'))
  assert.strictEqual(session.fromPath(session.fromPartition('persist:name').storagePath), session.fromPartition('persist:name'))
  assert.notStrictEqual(session.fromPartition('Name'), session.fromPartition('name'))
})

test('lists that are none, hold something else or no end are a TypeError', async () => {
  const here = session.fromPartition('lists')
  for (const list of ['http://a.test', [1], { map: () => new Array(4294967295) }, new Array(4294967295)]) {
    await assert.rejects(here.clearData({ origins: list }), new TypeError('origins must be an array of strings'))
    await assert.rejects(here.clearData({ dataTypes: list }), new TypeError('dataTypes must be an array of strings'))
  }
  await here.cookies.set({ url: 'http://a.test/', name: 'a', value: 'b' })
  await here.clearData({ dataTypes: null, origins: null })
  assert.strictEqual((await here.cookies.get({})).length, 0)
  await assert.rejects(here.clearData({ origins: ['a\0b'] }), (error) => error.code === undefined && error.message.includes('a\ufffdb'))
})

test('userAgentFallback is the agent of sessions that were given none', async (t) => {
  const url = await serve(t, (request, response) => response.end(request.headers['user-agent']))
  const [given, early] = [session.fromPartition('given'), session.fromPartition('early')]
  given.setUserAgent('its own')
  const before = app.userAgentFallback
  assert.match(before, /^netreq\//)
  t.after(() => { app.userAgentFallback = before })
  app.userAgentFallback = 'for all'
  const seen = await Promise.all([given, early, session.fromPartition('later')].map((here) => fetched({ url, session: here })))
  assert.deepStrictEqual(seen.map(({ body }) => body), ['its own', 'for all', 'for all'])
  assert.throws(() => { app.userAgentFallback = 'a\nb' }, Error)
  assert.strictEqual(app.userAgentFallback, 'for all')
})

test('what a browser would keep beside is not there to be found or cleared', async () => {
  const here = session.fromPartition('nothing kept')
  assert.deepStrictEqual([await here.getSharedDictionaryInfo({}), await here.getSharedDictionaryUsageInfo()], [[], []])
  await here.clearSharedDictionaryCache()
  await here.clearSharedDictionaryCacheForIsolationKey({})
  here.setCodeCachePath(require('node:os').tmpdir())
  assert.throws(() => here.setCodeCachePath('code'), { message: 'Absolute path must be provided to store code cache.' })
})

test('what was put on Object.prototype is no option of anything', async (t) => {
  const url = await serve(t, (request, response) => response.end(request.method))
  const script = `
    const { net, session, app } = require(${JSON.stringify(require.resolve('..'))})
    Object.assign(Object.prototype, {
      total: 1, queryType: 'AAAA', source: 'mdns', method: 'POST', redirect: 'error', minVersion: 'tls1', numSockets: 99,
      origins: 'x', dataTypes: 'x', storages: 'x', secureDnsMode: 'secure', userAgent: 'polluted', dataDir: '/nowhere', body: 'x'
    })
    app.configureHostResolver({})
    const here = session.fromPartition('polluted')
    here.setSSLConfig({})
    here.preconnect({ url: '${url}' })
    const request = net.request({ url: '${url}', session: here, timeout: { connect: 60000 } })
    request.on('response', (response) => response.on('data', async (chunk) => {
      const { endpoints } = await here.resolveHost('127.0.0.1', {})
      await here.clearData({})
      await here.clearStorageData({})
      const { status } = await here.fetch('${url}', {})
      console.log(String(chunk), endpoints.length, status, here.getUserAgent().startsWith('netreq/'))
    })).end()`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script])
  assert.strictEqual(stdout, 'GET 1 200 true\n', stderr)
})

test('rules that cannot be read are an error that says so', () => {
  app.commandLine.appendSwitch('host-resolver-rules', 'garbage!!')
  try {
    assert.throws(() => session.fromPartition('garbage'), (error) => error.message === 'net::ERR_INVALID_ARGUMENT' && /garbage!!/.test(error.cause.message))
  } finally {
    app.commandLine.removeSwitch('host-resolver-rules')
  }
})

test('asking where data are kept makes no session', () => {
  const script = `
    const { app, session } = require(${JSON.stringify(require.resolve('..'))})
    const folder = require('node:path').join(app.getPath('userData'), 'sub')
    void app.userAgentFallback
    app.setPath('userData', folder)
    app.userAgentFallback = 'early'
    console.log(session.defaultSession.storagePath.startsWith(folder), session.defaultSession.getUserAgent())`
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  assert.strictEqual(stdout, 'true early\n')
})

test('Session has what finds sessions', () => {
  const { Session } = session
  assert.strictEqual(Session.fromPartition('found'), session.fromPartition('found'))
  assert.strictEqual(Session.defaultSession, session.defaultSession)
})

test('a session-created listener that throws is an uncaught exception, and the session is there', () => {
  const script = `
    const { app, session } = require(${JSON.stringify(require.resolve('..'))})
    process.on('uncaughtException', ({ message }) => console.log(message))
    app.on('session-created', () => { throw new Error('listener') })
    console.log(typeof session.fromPartition('x').fetch)`
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  assert.strictEqual(stdout, 'function\nlistener\n')
})
