curl --location --request POST 'https://backend.kaze.ai/api/ext/v1/submit_watermark_removal' \
--header 'Authorization: Bearer ' \
--header 'Content-Type: application/json' \
--data-raw '{
"image_base64": "xxxxxxxxxxxxxxx"
}'
