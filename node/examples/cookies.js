'use strict'
// Cookies of a session: set, sent, received, found, removed.

const { net, session } = require('netreq')

require('./server.js')(async (origin) => {
  const { cookies } = session.fromPartition('example')
  cookies.on('changed', (event, cookie, cause) => console.log(cookie.name, cause))
  await cookies.set({ url: origin, name: 'theme', value: 'dark' })
  const response = await session.fromPartition('example').fetch(origin)
  await response.text()
  for (const { name, value } of await cookies.get({ url: origin })) console.log(`${name}=${value}`)
  await cookies.remove(origin, 'theme')
})
