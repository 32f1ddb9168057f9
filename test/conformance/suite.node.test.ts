import { conformance } from './suite.js'

conformance('Node')
