'use strict'
const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

test('a program typed for Electron compiles with the package\'s types', () => {
  const compiler = path.join(__dirname, '..', 'node_modules', 'typescript', 'bin', 'tsc')
  assert.ok(fs.existsSync(compiler), 'there is no TypeScript: npm ci --ignore-scripts')
  const programs = fs.readdirSync(path.join(__dirname, 'types')).map((name) => path.join(__dirname, 'types', name))
  const { status, stdout } = spawnSync(process.execPath, [
    compiler, '--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext',
    '--types', 'node', ...programs
  ], { encoding: 'utf8', cwd: path.join(__dirname, '..') })
  assert.strictEqual(status, 0, stdout)
})
