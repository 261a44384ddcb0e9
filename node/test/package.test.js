'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const here = path.join(__dirname, '..')

function run (command, words, cwd, env) {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: 'utf8', env: { ...process.env, ...env } })
  return { status, stdout: stdout.trim(), stderr }
}

test('import and require give one instance', async () => {
  const { net, session, app, default: whole } = await import('../index.mjs')
  const required = require('..')
  assert.deepStrictEqual([net, session, app, whole], [required.net, required.session, required.app, required])
})

test('the packed package works in an empty folder, and says so where it has no binary', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'netreq-pack-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], here)
  assert.strictEqual(packed.status, 0, packed.stderr)
  fs.writeFileSync(path.join(folder, 'package.json'), '{}')
  const installed = run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional', `./${packed.stdout}`], folder)
  assert.strictEqual(installed.status, 0, installed.stderr)

  const works = run(process.execPath, ['-e', "console.log(typeof require('netreq').net.request)"], folder)
  assert.strictEqual(works.stdout, 'function', works.stderr)
  const module = run(process.execPath, ['--input-type=module', '-e', "import { net } from 'netreq'; console.log(typeof net.request)"], folder)
  assert.strictEqual(module.stdout, 'function', module.stderr)

  const without = run(process.execPath, ['-e', "require('netreq')"], folder, { NETREQ_BINARY_PATH: '' })
  assert.match(without.stderr, new RegExp(`Error: netreq has no binary for ${process.platform} ${process.arch}: the package @netreq/`))
})
