import { mixpanel } from './mixpanel.mjs'
import { orq } from './orq.mjs'
import { posthog } from './posthog.mjs'
import { rudderstack } from './rudderstack.mjs'
import { segment } from './segment.mjs'

/** Ours first: the ratios compare it with the best of the others. */
export const libraries = [orq, segment, posthog, mixpanel, rudderstack]
