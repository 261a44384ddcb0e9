'use strict'
// Finds the addon for this platform: NETREQ_BINARY_PATH, else beside the package, else the package for
// the platform that npm chose by its `os`, `cpu` and `libc`.

const path = require('node:path')
const fs = require('node:fs')

function target () {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined
  return `linux-${process.arch}-${isGlibc ? 'gnu' : 'musl'}`
}

function load () {
  const given = process.env.NETREQ_BINARY_PATH
  if (given) return open(path.resolve(given))
  const beside = path.join(__dirname, '..', 'netreq.node')
  if (fs.existsSync(beside)) return require(beside)
  const name = `@netreq/${target()}`
  try {
    return require(name)
  } catch (cause) {
    const reason = cause.code === 'MODULE_NOT_FOUND'
      ? `the package ${name} is not installed; npm installs it with netreq unless optional ` +
        'dependencies are left out (--omit=optional) or a lock file made on another platform does ' +
        'not name it. Installing netreq again, or setting NETREQ_BINARY_PATH, helps'
      : cause.message
    throw new Error(`netreq has no binary for ${process.platform} ${process.arch}: ${reason}`, { cause })
  }
}

// Not by `require`: what cargo builds does not end in `.node`.
function open (file) {
  const opened = { exports: {} }
  process.dlopen(opened, file)
  return opened.exports
}

module.exports = { load }
