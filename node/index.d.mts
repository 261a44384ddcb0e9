// The same for `import`.
export * from './index.d.ts'
import * as netreq from './index.d.ts'
export default netreq
