// The same for `import`.
export * from './index.js'
import * as netreq from './index.js'
export default netreq
