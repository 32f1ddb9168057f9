import { conformance } from './suite.js'

conformance('workerd')
