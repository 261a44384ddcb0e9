// The same instance for `import`.
import netreq from './lib/index.js'

export const { app, net, session } = netreq
export default netreq
