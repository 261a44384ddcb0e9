'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFile, spawnSync } = require('node:child_process')
const { promisify } = require('node:util')
const { serve } = require('./support.js')
const { target, TARGETS } = require('../lib/binary.js')
const { pack, platformManifest } = require('../pack.js')
const { version } = require('../package.json')

const bare = { ...process.env, NETREQ_BINARY_PATH: '' }

function run (command, words, cwd, env = bare) {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: 'utf8', env })
  return { status, stdout: stdout.trim(), stderr }
}

function emptyFolder (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-pack-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  fs.writeFileSync(path.join(folder, 'package.json'), '{}')
  return folder
}

function install (folder, ...words) {
  const done = run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...words], folder)
  assert.strictEqual(done.status, 0, done.stderr)
}

test('import and require give one instance', async () => {
  const { net, session, app, default: whole } = await import('../index.mjs')
  const required = require('..')
  assert.deepStrictEqual([net, session, app, whole], [required.net, required.session, required.app, required])
})

test('the packed packages work in an empty folder, and say so where there is no binary or one of another version', async (t) => {
  const [main, platform] = pack(process.env.NETREQ_BINARY_PATH, path.join(emptyFolder(t), 'packed'))
  const folder = emptyFolder(t)
  install(folder, main, platform)
  const origin = await serve(t, (request, response) => response.end('hello'))
  const get = `net.request('${origin}').on('response', (response) => response.pipe(process.stdout)).end()`
  for (const words of [
    ['-e', `const { net } = require('netreq'); ${get}`],
    ['--input-type=module', '-e', `import { net } from 'netreq'; ${get}`]
  ]) {
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder, env: bare })
    assert.strictEqual(stdout, 'hello')
  }
  const installed = path.join(folder, 'node_modules', '@netreq', target())
  assert.deepStrictEqual(fs.readdirSync(installed).sort(),
    ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'THIRD-PARTY.md', 'netreq.node', 'package.json'])
  assert.deepStrictEqual(fs.readdirSync(path.join(folder, 'node_modules', 'netreq')).sort(),
    ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'index.d.mts', 'index.d.ts', 'index.mjs', 'lib', 'package.json'])

  // An addon of another version in its place.
  fs.rmSync(path.join(installed, 'netreq.node'))
  fs.writeFileSync(path.join(installed, 'netreq.node.js'), "exports.VERSION = '0.0.1'")
  fs.writeFileSync(path.join(installed, 'package.json'), '{ "main": "netreq.node.js" }')
  assert.match(run(process.execPath, ['-e', "require('netreq')"], folder).stderr,
    new RegExp(`Error: netreq is ${version} and its addon 0\\.0\\.1 \\(@netreq/${target()}\\): both have to be of one version`))

  const without = emptyFolder(t)
  install(without, '--omit=optional', main)
  assert.match(run(process.execPath, ['-e', "require('netreq')"], without).stderr,
    new RegExp(`Error: netreq has no binary for ${process.platform} ${process.arch}: the package @netreq/${target()} is not installed`))
})

test('a platform has the package of its name', () => {
  const isMusl = (is) => () => is
  assert.deepStrictEqual([
    target('linux', 'x64', isMusl(false)), target('linux', 'arm64', isMusl(false)),
    target('linux', 'x64', isMusl(true)), target('linux', 'arm64', isMusl(true)),
    target('darwin', 'x64'), target('darwin', 'arm64'), target('win32', 'x64'), target('win32', 'arm64')
  ], TARGETS)
  assert.ok(!TARGETS.includes(target('freebsd', 'x64')))

  const only = (name) => {
    const { os, cpu, libc } = platformManifest(name, {})
    return [os, cpu, libc]
  }
  assert.deepStrictEqual(only('linux-arm64-musl'), [['linux'], ['arm64'], ['musl']])
  assert.deepStrictEqual(only('linux-x64-gnu'), [['linux'], ['x64'], ['glibc']])
  assert.deepStrictEqual(only('win32-x64-msvc'), [['win32'], ['x64'], undefined])
  assert.deepStrictEqual(only('darwin-arm64'), [['darwin'], ['arm64'], undefined])
})
