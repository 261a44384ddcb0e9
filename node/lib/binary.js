'use strict'
// Finds the addon for this platform: NETREQ_BINARY_PATH, else beside the package, else the package for
// the platform that npm chose by its `os`, `cpu` and `libc`. It has to be of the package's own version.

const path = require('node:path')
const fs = require('node:fs')
const { version } = require('../package.json')

/** The platforms that have a package, `@netreq/` and the name: `os`, `cpu`, and what C library or ABI. */
const TARGETS = [
  'linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl',
  'darwin-x64', 'darwin-arm64', 'win32-x64-msvc', 'win32-arm64-msvc'
]

function target (platform = process.platform, arch = process.arch, isMusl = usesMusl) {
  const abi = { linux: () => isMusl() ? '-musl' : '-gnu', win32: () => '-msvc' }[platform]
  return `${platform}-${arch}${abi?.() ?? ''}`
}

function usesMusl () {
  const { report } = process
  const { excludeNetwork } = report
  // Else it asks for the names of all that the process is connected to, and waits.
  report.excludeNetwork = true
  try {
    return report.getReport().header.glibcVersionRuntime === undefined
  } finally {
    report.excludeNetwork = excludeNetwork
  }
}

function load () {
  const { addon, from } = find()
  if (addon.VERSION === version) return addon
  throw new Error(`netreq is ${version} and its addon ${addon.VERSION} (${from}): both have to be of one version. Installing netreq again helps`)
}

function find () {
  const given = process.env.NETREQ_BINARY_PATH
  if (given) return { addon: open(path.resolve(given)), from: given }
  const beside = path.join(__dirname, '..', 'netreq.node')
  if (fs.existsSync(beside)) return { addon: require(beside), from: beside }
  const found = target()
  const name = `@netreq/${found}`
  try {
    return { addon: require(name), from: name }
  } catch (cause) {
    throw new Error(`netreq has no binary for ${process.platform} ${process.arch}: ${reason(found, name, cause)}`, { cause })
  }
}

function reason (found, name, cause) {
  if (!TARGETS.includes(found)) return 'there is none yet. NETREQ_BINARY_PATH names one that is built from the source'
  if (cause.code !== 'MODULE_NOT_FOUND') return cause.message
  return `the package ${name} is not installed; npm installs it with netreq unless optional ` +
    'dependencies are left out (--omit=optional) or a lock file made on another platform does ' +
    'not name it. Installing netreq again, or setting NETREQ_BINARY_PATH, helps'
}

// Not by `require`: what cargo builds does not end in `.node`.
function open (file) {
  const opened = { exports: {} }
  process.dlopen(opened, file)
  return opened.exports
}

module.exports = { load, target, TARGETS }
