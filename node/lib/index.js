'use strict'
// The package: Electron's `net` and `session`, and what of `app` they need.

const sessions = require('./session.js')

module.exports = {
  app: require('./app.js').app,
  net: require('./net.js'),
  session: {
    Session: sessions.Session,
    fromPartition: sessions.fromPartition,
    fromPath: sessions.fromPath,
    get defaultSession () {
      return sessions.defaultSession()
    }
  }
}
