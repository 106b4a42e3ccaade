# Prints a token for the contact that is named: ORQ_TOKEN_SECRET=… ruby mint.rb user_1. Needs the gem jwt.
require 'jwt'

def orq_token(user_id)
  now = Time.now.to_i
  claims = { sub: user_id, aud: 'orq-identify', iat: now, exp: now + 300 }
  JWT.encode(claims, ENV.fetch('ORQ_TOKEN_SECRET'), 'HS256', { typ: 'orq-identify+jwt', kid: 'default' })
end

puts orq_token(ARGV.fetch(0))
