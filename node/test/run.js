'use strict'
// Runs every test file with node:test. `NETREQ_BINARY_PATH` names the addon; further arguments go to Node.

const { spawnSync } = require('node:child_process')
const { mkdtempSync, readdirSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const files = readdirSync(__dirname).filter((name) => name.endsWith('.test.js'))
// Sessions that are kept are kept here.
const folder = mkdtempSync(path.join(os.tmpdir(), 'netreq-test-'))
const { status } = spawnSync(
  process.execPath,
  ['--expose-gc', '--test', '--test-timeout=300000', ...process.argv.slice(2), ...files.map((name) => path.join(__dirname, name))],
  { stdio: 'inherit', env: { ...process.env, NETREQ_DATA_DIR: folder } }
)
rmSync(folder, { recursive: true, force: true })
process.exitCode = status ?? 1
