curl -X POST "https://api.gpt.ge/task/pic/watermark" \
-H "Authorization: Bearer sk-xxxx" \
-F "image_url=https://example.com/image.png" \
-F "rectangles=[{\"x\":0,\"y\":0,\"width\":100,\"height\":100}]" \
-F "sync=1"
