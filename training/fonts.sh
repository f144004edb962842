#!/bin/sh
# Installs the Debian font packages that the bank of letterings is drawn from (about 300 MB).
# The families of the benchmark's DEV set are left out on purpose: DEV then judges unseen fonts.
set -eu
packages="
fonts-3270 fonts-adf-accanthis fonts-adf-baskervald fonts-adf-berenis fonts-adf-gillius fonts-adf-ikarius
fonts-adf-irianis fonts-adf-libris fonts-adf-mekanus fonts-adf-oldania fonts-adf-romande fonts-adf-solothurn
fonts-adf-switzera fonts-adf-tribun fonts-adf-universalis fonts-adf-verana fonts-aenigma fonts-agave
fonts-allerta fonts-anonymous-pro fonts-arapey fonts-averia-sans-gwf fonts-averia-serif-gwf fonts-b612
fonts-baekmuk fonts-bebas-neue fonts-beteckna fonts-blankenburg fonts-bwht fonts-cabinsketch fonts-cantarell
fonts-cardo fonts-century-catalogue fonts-cherrybomb fonts-clear-sans fonts-cmu fonts-comfortaa fonts-comic-neue
fonts-crosextra-caladea fonts-crosextra-carlito fonts-deva-extra fonts-dosis fonts-dotgothic16 fonts-dustin
fonts-ebgaramond fonts-ecolier-court fonts-engadget fonts-essays1743 fonts-evertype-conakry fonts-f500
fonts-fantasque-sans fonts-fanwood fonts-farsiweb fonts-firacode fonts-freefont-otf fonts-georgewilliams
fonts-gfs-artemisia fonts-gfs-baskerville fonts-gfs-bodoni-classic fonts-gfs-complutum fonts-gfs-didot
fonts-gfs-neohellenic fonts-gfs-olga fonts-gfs-porson fonts-gnutypewriter fonts-go fonts-goudybookletter
fonts-hack fonts-hermit fonts-hosny-amiri fonts-humor-sans fonts-inconsolata fonts-inter fonts-ipafont-gothic
fonts-ipafont-mincho fonts-isabella fonts-jetbrains-mono fonts-joscelyn fonts-junction fonts-junicode fonts-jura
fonts-kacst fonts-karla fonts-karmilla fonts-kaushanscript fonts-klee fonts-kristi fonts-lato fonts-le-murmure
fonts-league-mono fonts-league-spartan fonts-leckerli-one fonts-lemonada fonts-levien-museum fonts-lindenhill
fonts-lobstertwo fonts-manrope fonts-millimetre fonts-monofur fonts-monoid fonts-mononoki fonts-motoya-l-cedar
fonts-mplus fonts-nanum fonts-national-park fonts-noto-core fonts-noto-cjk fonts-ocr-a fonts-ocr-b
fonts-okolaks fonts-oldstandard fonts-opendin fonts-opendyslexic fonts-paratype fonts-play fonts-prociono
fonts-quattrocento fonts-radisnoir fonts-rampart fonts-reggae fonts-rocknroll fonts-roadgeek fonts-roboto-slab
fonts-rufscript fonts-sawarabi-gothic fonts-sawarabi-mincho fonts-sil-andika fonts-sil-charis fonts-sil-gentium
fonts-smiley-sans fonts-solide-mirage fonts-sora fonts-staypuft fonts-stick fonts-stix fonts-summersby
fonts-takao-gothic fonts-texgyre fonts-thai-tlwg fonts-tiresias fonts-tomsontalks fonts-train fonts-tuffy
fonts-ubuntu-title fonts-unfonts-core fonts-urw-base35 fonts-vlgothic fonts-vollkorn fonts-woowa-bm
fonts-wqy-zenhei fonts-yrsa-rasa fonts-yusei-magic fonts-arphic-ukai fonts-arphic-uming fonts-beng fonts-taml
fonts-guru fonts-liberation fonts-font-awesome fonts-dkg-handwriting fonts-breip fonts-sjfonts fonts-lyx
"
apt-get update -qq
# Each on its own: a family that a later Debian drops must not take the others with it.
for package in $packages; do
  apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 || echo "left out: $package" >&2
done
