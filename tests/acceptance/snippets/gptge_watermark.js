const formData = new FormData();
formData.append('image_url', 'https://example.com/image.png');
formData.append('rectangles', '[{"x":0,"y":0,"width":100,"height":100}]');
formData.append('sync', '1');
fetch('https://api.gpt.ge/task/pic/watermark', {
method: 'POST',
headers: {
'Authorization': 'Bearer sk-xxxx'
},
body: formData
}).then(r => r.json()).then(console.log);
