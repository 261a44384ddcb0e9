const { app, session } = require('electron')

app.whenReady().then(() => {
  const { cookies } = session.defaultSession
  cookies.on('changed', (event, cookie, cause, removed) => {
    console.log(`CHANGED: ${cookie.name} ${cause} ${removed}`)
  })

  // A cookie with what is given of it; one of the same name and place is replaced.
  cookies.set({ url: 'https://www.example.com', name: 'dummy_name', value: 'dummy' })
    .then(() => cookies.get({ url: 'https://www.example.com' }))
    .then((found) => console.log('FOUND: ' + found.map(({ name, value, session, secure }) => `${name}=${value} ${session} ${secure}`)))
    .then(() => cookies.remove('https://www.example.com', 'dummy_name'))
    .then(() => cookies.flushStore())
    .then(() => cookies.get({}))
    .then((found) => {
      console.log('LEFT: ' + found.length)
      app.quit()
    }, (error) => console.error(error))
})
