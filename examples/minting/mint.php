<?php
// Prints a token for the contact that is named: ORQ_TOKEN_SECRET=… php mint.php user_1. Needs firebase/php-jwt 6 or newer.
require 'vendor/autoload.php';

use Firebase\JWT\JWT;

function orq_token(string $userId): string
{
    $now = time();
    $claims = ['sub' => $userId, 'aud' => 'orq-identify', 'iat' => $now, 'exp' => $now + 300];
    return JWT::encode($claims, getenv('ORQ_TOKEN_SECRET'), 'HS256', 'default', ['typ' => 'orq-identify+jwt']);
}

echo orq_token($argv[1]), PHP_EOL;
