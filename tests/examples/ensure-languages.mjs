// Makes sure of the JWT libraries of Python and Ruby before `npm run test:all`, where Debian has them. Go's would bring a
// compiler, and PHP's is no package of Debian. Never fails: the tests name a language that is left out.
import { installByApt } from '../system-packages.mjs'
import { findPython, findRuby } from './languages.mjs'

const missing = () => [...(findPython() ? [] : ['python3-jwt']), ...(findRuby() ? [] : ['ruby', 'ruby-jwt'])]

installByApt(...missing())
if (missing().length) console.error(`Left out of the tests: what needs ${missing().join(', ')}.`)
